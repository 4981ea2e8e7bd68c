/** The test run notices what uvu lets pass: each kind of bad test file is run for real, in a process of its own. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runProcess } from '../../../../bootstrap/test-run/run-process.ts';
import { findTestFiles, stages } from '../../../../bootstrap/test-run/test-files.ts';
import { judge, type Verdict } from '../../../../bootstrap/test-run/verdict.ts';

const inside = fileURLToPath(new URL('../../../../bootstrap/test-run/test-file-process.ts', import.meta.url));
const uvu = import.meta.resolve('uvu');

type Context = { dir: string };
const test = suite<Context>('test run');

test.before.each(async (context) => {
  context.dir = await mkdtemp(join(tmpdir(), 'co-run-'));
});
test.after.each(({ dir }) => rm(dir, { recursive: true, force: true }));

/** Runs the lines as a test file; `test` is a suite. */
async function run({ dir }: Context, lines: string[], deadlineMs = 20_000): Promise<Verdict & { output: string }> {
  const file = join(dir, 'example.test.ts');
  await writeFile(file, [`import { suite } from '${uvu}';`, `const test = suite('example');`, ...lines].join('\n'));
  const options = { deadlineMs, environment: process.env, signal: new AbortController().signal };
  const ending = await runProcess(process.execPath, [inside, file], options);
  return { ...judge(ending), output: stripVTControlCharacters(ending.output) };
}

const fine = `test('fine', () => {});`;
const failing = `test('failing', () => { throw new Error('the reason'); });`;

test('passing, failing and skipped tests are counted, with the reason of the skips', async (context) => {
  const lines = [fine, fine, failing, `test.skip('later');`, `console.log('skipped: no server');`, 'test.run();'];
  const { passed, failed, skipped, problems, skipReasons, output } = await run(context, lines);
  assert.equal({ passed, failed, skipped }, { passed: 2, failed: 1, skipped: 1 });
  assert.equal(problems, []);
  assert.equal(skipReasons, ['no server']);
  assert.match(output, /the reason/);
});

test('a failure is shown with its details, whatever it is, and the tests after it run', async (context) => {
  const lines = [
    `const refused = Object.assign(new Error('no such node'), { details: { node: 'worker-9' } });`,
    `test('details that are no text', () => { throw refused; });`,
    `test('no error', () => { throw { code: 'odd' }; });`,
    `test('nothing', () => Promise.reject());`,
    ...[fine, 'test.run();'],
  ];
  const { passed, failed, problems, output } = await run(context, lines);
  assert.equal({ passed, failed, problems }, { passed: 1, failed: 3, problems: [] });
  assert.match(output, /FAIL .*"details that are no text"\n +no such node\n\n +details: \{ node: 'worker-9' \}\s+at /);
  assert.match(output, /FAIL .*"no error"\n +what was thrown is no Error: \{ code: 'odd' \}/);
  assert.match(output, /FAIL .*"nothing"\n +what was thrown is no Error: undefined/);
});

for (const name of ['before', 'before.each', 'after', 'after.each']) {
  test(`what a hook of test.${name} throws is shown`, async (context) => {
    const { failed, output } = await run(context, [
      `test.${name}(() => { throw new Error('the hook is broken'); });`,
      ...[fine, 'test.run();'],
    ]);
    assert.ok(failed >= 1 || name === 'after', output);
    assert.match(output, /a hook failed: Error: the hook is broken/);
  });
}

test('a file that skips everything has not failed', async (context) => {
  const { passed, failed, skipped } = await run(context, [`test.skip('a');`, `test.skip('b');`, 'test.run();']);
  assert.equal({ passed, failed, skipped }, { passed: 0, failed: 0, skipped: 2 });
});

const badFiles: [what: string, lines: string[], problem: RegExp][] = [
  ['that runs no test', [fine], /ran no test/],
  ['whose hook fails', [`test.before(() => { throw new Error('x'); });`, fine, 'test.run();'], /a hook failed/],
  ['that cannot be loaded', [`import './not-there.ts';`], /ended with code 1 and printed no totals/],
  ['that ends the process', [`test('exits', () => process.exit(0));`, 'test.run();'], /printed no totals/],
  [
    'that fails after its tests',
    [fine, 'test.run();', `setTimeout(() => { throw new Error('late'); }, 50);`],
    /ended with code/,
  ],
  ['that leaves something open', [fine, 'test.run();', 'setInterval(() => {}, 1_000);'], /left something open/],
];

for (const [what, lines, problem] of badFiles) {
  test(`a file ${what} fails`, async (context) => {
    const { failed, problems } = await run(context, lines);
    assert.ok(failed >= 1);
    assert.match(problems.join('; '), problem);
  });
}

test('what was left open is named', async (context) => {
  const { output } = await run(context, [fine, 'test.run();', 'setInterval(() => {}, 1_000);']);
  assert.match(output, /still open 3 s after the last test: Timeout/);
});

test('a file that hangs is ended with all that it started', async (context) => {
  const lines = [
    `import { spawn } from 'node:child_process';`,
    `test('hangs', () => { console.log('pid', spawn('sleep', ['300']).pid); return new Promise(() => {}); });`,
    'test.run();',
  ];
  const { failed, problems, output } = await run(context, lines, 2_000);
  assert.is(failed, 1);
  assert.match(problems.join('; '), /took longer than 2 s/);
  const pid = Number(/pid (\d+)/.exec(output)?.[1]);
  // Gone, or dead and not yet buried by whoever inherited it.
  assert.match(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => 'gone'), /^gone$|\) Z /);
});

test('a process that outlives its test file is a failure, and ended', async (context) => {
  const lines = [
    `import { spawn } from 'node:child_process';`,
    `test('leaves', () => { const child = spawn('sleep', ['300'], { stdio: 'ignore' }); child.unref(); });`,
    'test.run();',
  ];
  const { failed, problems } = await run(context, lines);
  assert.is(failed, 1);
  assert.match(problems.join('; '), /left processes running: sleep \(\d+\)/);
});

test('every test file belongs to a stage', async () => {
  const found = await findTestFiles(fileURLToPath(new URL('../../../..', import.meta.url)));
  assert.equal(
    [...found.keys()],
    stages.map(({ name }) => name),
  );
  assert.ok(found.get('tidy')?.includes('test/tidy.test.ts'));
  assert.ok(found.get('unit')?.includes('test/unit/bootstrap/test-run/test-run.test.ts'));
});

test.run();
