/** The project keeps its own rules; and each rule is able to fail, shown on a bad example beside a good one. */

import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkCommands, checkLinks, checkMentions } from './support/tidy/document-rules.ts';
import { checkExports } from './support/tidy/export-rules.ts';
import {
  checkBarrels,
  checkClock,
  checkEmptyNames,
  checkKebabCase,
  checkOnly,
  checkOpenEnds,
  checkOpenings,
  checkTestsRun,
} from './support/tidy/file-rules.ts';
import {
  checkCycles,
  checkDrivers,
  checkEveryonesFiles,
  checkExtensions,
  checkFolderCycles,
  checkFolderImports,
  checkLooseFiles,
  checkSourceStandsAlone,
  checkTableDirection,
  parseImportTable,
  tablePath,
} from './support/tidy/import-rules.ts';
import { importsOf, type ProjectFile, type Rule, readProjectFiles } from './support/tidy/project-file.ts';
import { sizeExceptions } from './support/tidy/size-exceptions.ts';
import { checkSizes } from './support/tidy/size-rules.ts';
import { checkRetiredWords } from './support/tidy/word-rules.ts';

/** Written so that this file itself has no such call. */
const importCall = 'import';

/** Path → text. */
type Example = Record<string, string>;

type Case = {
  rule: Rule;
  says: string;
  good: Example;
  /** Each of them breaks the rule once. */
  bad: Example[];
};

const table = `
| folder | owns | may import |
|---|---|---|
| \`src/model/\` | words | nothing of ours |
| \`src/bus/\` | messages | model |
| \`src/reconciler/commands/\` | decisions | model |
| \`src/reconciler/controller/\` | effects | \`reconciler/commands\`, bus, model |
| \`src/http/\` | routes | \`reconciler/commands\`, \`bus/port.ts\`, model |
| \`src/daemon/\` | processes | all of the above |
`;

const cases: Case[] = [
  {
    rule: checkFolderImports,
    says: 'folders import only what the table of folders allows them',
    good: {
      [tablePath]: table,
      'src/model/a.ts': `import { b } from './b.ts';\nimport { AppError } from '../errors.ts';`,
      'src/http/routes/a.ts': `import { decide } from '../../reconciler/commands/decide.ts';\nimport type { B } from '../../model/b.ts';`,
      'src/http/b.ts': `import { port } from '../bus/port.ts';`,
      'src/reconciler/controller/a.ts': `import { decide } from '../commands/decide.ts';`,
      'src/daemon/a.ts': `import { a } from '../reconciler/controller/a.ts';`,
      'src/main.ts': `import { a } from './http/a.ts';`,
    },
    bad: [
      { [tablePath]: table, 'src/model/a.ts': `import { b } from '../bus/b.ts';` },
      { [tablePath]: table, 'src/model/a.ts': `import type { B } from '../bus/b.ts';` },
      { [tablePath]: table, 'src/http/a.ts': `import {\n  b,\n} from '../reconciler/controller/plan.ts';` },
      { [tablePath]: table, 'src/http/a.ts': `import { b } from '../reconciler/commands-of-others/b.ts';` },
      { [tablePath]: table, 'src/http/a.ts': `import { b } from '../bus/port.tsx';` },
      { [tablePath]: table, 'src/http/a.ts': `const b = await ${importCall}('../bus/b.ts');` },
      { [tablePath]: table, 'src/reconciler/commands/a.ts': `import type { B } from '../controller/b.ts';` },
      { [tablePath]: table, 'src/bus/a.ts': `export { main } from '../main.ts';` },
      { [tablePath]: table, 'src/attic/a.ts': '' },
      { [tablePath]: table, 'src/reconciler/attic/a.ts': '' },
    ],
  },
  {
    rule: checkTableDirection,
    says: 'the table of folders runs in one direction',
    good: { [tablePath]: table },
    bad: [
      { [tablePath]: table.replace('nothing of ours', 'http') },
      { [tablePath]: table.replace('| decisions | model |', '| decisions | `reconciler/controller`, model |') },
      { [tablePath]: '' },
    ],
  },
  {
    rule: checkEveryonesFiles,
    says: 'what everyone imports imports nobody',
    good: { 'src/errors.ts': `import { inspect } from 'node:util';` },
    bad: [{ 'src/errors.ts': `import { a } from './model/a.ts';` }],
  },
  {
    rule: checkDrivers,
    says: 'each driver is imported by its own folder only',
    good: {
      'src/events/a.ts': `import { MongoClient } from 'mongodb';`,
      'src/http/b.ts': `import { fastifySSE } from '@fastify/sse';`,
      'test/c.ts': `import Docker from 'dockerode';`,
    },
    bad: [
      { 'src/reconciler/a.ts': `import { MongoClient } from 'mongodb';` },
      { 'src/reconciler/a.ts': `import { connect } from 'amqplib/callback_api';` },
      { 'src/http/a.ts': `import { Subject } from 'rxjs';` },
      { 'src/daemon/manager.ts': `import Docker from 'dockerode';` },
      { 'src/projections/a.ts': `import { createActor } from 'xstate';` },
      { 'src/agent/a.ts': `import type { FastifyInstance } from 'fastify';` },
    ],
  },
  {
    rule: checkLooseFiles,
    says: 'files of src are in folders, but for the entry and what everyone imports',
    good: { 'src/main.ts': '', 'src/clock.ts': '', 'src/daemon/a.ts': '' },
    bad: [{ 'src/manager.ts': '' }],
  },
  {
    rule: checkSourceStandsAlone,
    says: 'the program imports neither tests nor scripts',
    good: { 'src/a.ts': `import { b } from './b.ts';` },
    bad: [{ 'src/model/a.ts': `import { until } from '../../test/support/wait.ts';` }],
  },
  {
    rule: checkCycles,
    says: 'no file imports itself by way of others, not for types either',
    good: {
      'src/bus/a.ts': `import { b } from './b.ts';\nimport { c } from './c.ts';`,
      'src/bus/b.ts': `import { c } from './c.ts';`,
      'src/bus/c.ts': '',
    },
    bad: [
      {
        'src/bus/a.ts': `import { b } from './b.ts';`,
        'src/bus/b.ts': `import { c } from './c.ts';`,
        'src/bus/c.ts': `import { a } from './a.ts';`,
      },
      { 'src/bus/a.ts': `import { b } from './b.ts';`, 'src/bus/b.ts': `import type { A } from './a.ts';` },
    ],
  },
  {
    rule: checkFolderCycles,
    says: 'no folder of src imports itself by way of others',
    good: {
      'src/bus/a.ts': `import { b } from './rabbitmq/b.ts';\nimport { AppError } from '../errors.ts';`,
      'src/bus/rabbitmq/b.ts': `import { c } from '../../model/c.ts';`,
    },
    bad: [
      {
        'src/bus/a.ts': `import { b } from './rabbitmq/b.ts';`,
        'src/bus/rabbitmq/b.ts': `import type { C } from '../c.ts';`,
      },
    ],
  },
  {
    rule: checkExtensions,
    says: 'relative imports name a file that is there, with its extension',
    good: { 'src/a.ts': `import { b } from './b.ts';`, 'src/b.ts': '' },
    bad: [
      { 'src/a.ts': `import { b } from './b';`, 'src/b.ts': '' },
      { 'src/a.ts': `import { b } from './b.js';`, 'src/b.ts': '' },
      { 'src/a.ts': `import { b } from './c.ts';`, 'src/b.ts': '' },
    ],
  },
  {
    rule: checkEmptyNames,
    says: 'no file or folder has a name that tells nothing',
    good: { 'src/bus/delivery.ts': '', 'src/model/commonplace.ts': '' },
    bad: ['src/utils.ts', 'src/bus/amqp-helpers.ts', 'src/common/a.ts', 'src/lib/a.ts', 'test/misc.test.ts'].map(
      (path) => ({ [path]: '' }),
    ),
  },
  {
    rule: checkBarrels,
    says: 'no file gathers the exports of a folder',
    good: { 'src/bus/secondary-index.ts': '' },
    bad: [{ 'src/bus/index.ts': '' }],
  },
  {
    rule: checkKebabCase,
    says: 'names are in kebab-case',
    good: { 'src/bus/rabbitmq/rabbitmq-bus.ts': '', 'test/unit/agent/containers/sync.test.ts': '', 'README.md': '' },
    bad: ['src/bus/amqpBus.ts', 'src/bus/amqp_bus.ts', 'src/Bus/amqp.ts'].map((path) => ({ [path]: '' })),
  },
  {
    rule: checkOpenings,
    says: 'each source file opens by saying what it is responsible for',
    good: { 'src/a.ts': '/** Parses a. */', 'src/b.ts': '/**\n * Owns b.\n */', 'test/c.ts': '' },
    bad: [{ 'src/a.ts': '' }, { 'src/a.ts': '/** */' }, { 'src/a.ts': `import 'b';\n/** Parses a. */` }],
  },
  {
    rule: checkOpenEnds,
    says: 'what is left open names what it waits for',
    good: { 'src/a.ts': `// TODO(mongodb 8): a plain time-out.\nconst word = 'TODO';` },
    bad: [{ 'src/a.ts': '// TODO: later' }, { 'bootstrap/up': '# FIXME' }],
  },
  {
    rule: checkClock,
    says: 'only the clock asks the machine for the time',
    good: { 'src/clock.ts': 'performance.now()', 'src/a.ts': 'new Date(clock.nowMs())', 'test/a.ts': 'Date.now()' },
    bad: ['performance.now()', 'Date.now()', 'new Date()'].map((call) => ({ 'src/a.ts': `const a = ${call};` })),
  },
  {
    rule: checkTestsRun,
    says: 'each test file runs its tests',
    good: {
      'test/a.test.ts': `test('a', () => {});\n\ntest.run();\n`,
      'test/contract/a-contract.ts': 'test.run();\n',
      'test/contract/a.test.ts': `import { testA } from './a-contract.ts';\ntestA();\n`,
    },
    bad: [
      { 'test/a.test.ts': `test('a', () => {});\n` },
      { 'test/a-contract.ts': '', 'test/a.test.ts': `import { testA } from './a-contract.ts';\ntestA();\n` },
    ],
  },
  {
    rule: checkOnly,
    says: 'no test keeps the others from running',
    good: { 'test/a.test.ts': `test('a', () => {});` },
    bad: [{ 'test/a.test.ts': `test.only('a', () => {});` }],
  },
  {
    rule: checkExports,
    says: 'what a file exports is imported by another',
    good: {
      'src/a.ts': `export const a = 1;\nexport function b() {}\nexport type C = 1;\nconst d = 1;\n`,
      'src/b/c.ts': `import { a as e,\n  b } from '../a.ts';\n`,
      'src/e.ts': 'export const f = 1;\n',
      'src/g.ts': `const h = await ${importCall}('./e.ts');\n`,
    },
    bad: [
      { 'src/a.ts': 'export const a = 1;\n', 'src/b.ts': `import { c } from './a.ts';\n` },
      { 'test/support/a.ts': 'export async function a() {}\n', 'src/b.ts': `import { a } from './a.ts';\n` },
    ],
  },
  {
    rule: checkRetiredWords,
    says: 'code and documents use the words of the field',
    good: {
      'src/a.ts': 'const spec = request;',
      'docs/glossary.md': '| wish | spec |',
      'README.md': 'wishful',
      'test/a.ts': '// told',
    },
    bad: [
      { 'src/a.ts': '/** The wish. */' },
      { 'src/a.ts': 'const findWish = 1;' },
      { 'README.md': 'a recipe' },
      { 'bootstrap/up': '# wished' },
      { 'src/a.ts': '/** Tells whom it may concern. */' },
      { 'docs/a.md': 'built anew' },
      { 'src/a.ts': '/** Owns a thing. */' },
    ],
  },
  {
    rule: checkLinks,
    says: 'documents link to what is there',
    good: {
      'README.md': '[a](docs/a.md), [docs](docs/), [b](https://example.org/b), [c](docs/a.md#part), `[d](d.md)`',
      'docs/a.md': '[up](../README.md) [here](#part)',
    },
    bad: [{ 'README.md': '[a](docs/a.md)' }, { 'docs/a.md': '[b](docs/a.md)' }],
  },
  {
    rule: checkMentions,
    says: 'documents mention files and folders that are there',
    good: { 'README.md': '`src/main.ts`, `src/*.ts`, `src/`, `test/a<b>.ts`', 'src/main.ts': '' },
    bad: [{ 'README.md': '`src/main.ts`' }, { 'README.md': '`docs/decisions/`', 'docs/a.md': '' }],
  },
  {
    rule: checkCommands,
    says: 'documents give commands that exist',
    good: {
      'README.md':
        '```sh\n./bootstrap/up # comes up\nexport A=b\nnode src/main.ts manager\n```\n`npm run bench -- plan`',
      'bootstrap/up': '',
      'src/main.ts': '',
      'package.json': '{"scripts":{"bench":"b"}}',
    },
    bad: [
      { 'README.md': '```sh\n./bootstrap/up\n```' },
      { 'README.md': '`./bootstrap/up --quick`' },
      { 'README.md': '```sh\nnode src/main.ts\n```' },
      { 'README.md': '`npm run bench`', 'package.json': '{"scripts":{}}' },
    ],
  },
];

const filesOf = (example: Example): ProjectFile[] => Object.entries(example).map(([path, text]) => ({ path, text }));

const rules = suite('tidy: each rule can fail');

for (const { rule, says, good, bad } of cases) {
  rules(says, () => {
    assert.equal(rule(filesOf(good)), []);
    for (const example of bad) assert.is(rule(filesOf(example)).length, 1, `not noticed: ${JSON.stringify(example)}`);
  });
}

rules(
  'files of more than 300 lines and functions of more than 80 are listed with a reason, and nothing else is',
  () => {
    const longFile = { 'test/a.ts': '\n'.repeat(301) };
    const longFunction = { 'src/a.ts': `export function createA(): A {\n${'  a();\n'.repeat(79)}}\n` };
    const longArrow = { 'bench/a.ts': `const a = (b: B): C => {\n${'  a();\n'.repeat(79)}};\n` };
    const shortOnes = {
      'src/b.ts': `function b() {\n${'  a();\n'.repeat(78)}}\n\nconst c = (d: D) => d;\n${'\n'.repeat(200)}`,
    };
    const check = (example: Example, exceptions = {}) => checkSizes(exceptions)(filesOf(example));
    assert.equal(check(shortOnes), []);
    for (const example of [longFile, longFunction, longArrow]) assert.is(check(example).length, 1);
    assert.equal(check(longFile, { 'test/a.ts': 'reason' }), []);
    assert.equal(check(longFunction, { 'src/a.ts#createA': 'reason' }), []);
    assert.is(check(shortOnes, { 'src/b.ts': 'reason' }).length, 1, 'a needless exception is named');
  },
);

rules('imports are read from every form of statement', () => {
  const text = [
    `import './a.ts';`,
    `import b, { type C } from './b.ts';`,
    `import type { D } from '../d.ts';`,
    `import {\n  f,\n} from './f.ts';`,
    `const g = await ${importCall}('./g.ts');`,
    `const text = "import h from './h.ts'";`,
    `export const path = './h.ts';`,
    `import i from 'i';`,
    `export * from './e.ts';`,
  ].join('\n');
  const found = importsOf({ path: 'src/x/y.ts', text });
  const targets = found.map(({ target, isType }) => (isType ? `type ${target}` : target));
  assert.equal(targets, ['src/x/a.ts', 'src/x/b.ts', 'type src/d.ts', 'src/x/f.ts', null, 'src/x/e.ts', 'src/x/g.ts']);
});

rules('the table of folders is read with its exceptions', () => {
  const rows = parseImportTable(table);
  assert.equal(rows.get('http'), ['reconciler/commands', 'bus/port.ts', 'model']);
  assert.equal(rows.get('daemon'), ['*']);
});

rules.run();

const project = suite('tidy: the project');
const files = readProjectFiles(fileURLToPath(new URL('..', import.meta.url)));

project('there is something to check', () => {
  assert.ok(files.filter(({ path }) => path.startsWith('src/')).length > 50);
});

for (const { rule, says } of cases) {
  project(says, () => assert.equal(rule(files), []));
}

project('files and functions are short, or listed with a reason', () => {
  assert.equal(checkSizes(sizeExceptions)(files), []);
});

project.run();
