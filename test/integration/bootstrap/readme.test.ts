/**
 * The README as a person types it: every command of it works, in its order, and prints what the README says it prints,
 * but for names, times and numbers that differ each time. On the simulated engine, with data and a port of its own.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Program, startProgram } from '../../support/cluster/cluster.ts';
import { until } from '../../support/wait.ts';

const test = suite('README');
const projectDir = fileURLToPath(new URL('../../..', import.meta.url));
const upProgram = join(projectDir, 'bootstrap/cluster/up.ts');

/** The address the README gives, for one that is free. */
const readmeAddress = '127.0.0.1:5000';
/** The longest block sleeps for 7 s and starts a dozen processes. */
const blockDeadlineMs = 120_000;

/** Commands, and what the README shows of what they print; null: nothing. */
type Step = { commands: string; shown: string | null };

/** All blocks of commands, but those of which the README says why they are not run. */
async function readSteps(): Promise<Step[]> {
  const readme = await readFile(join(projectDir, 'README.md'), 'utf8');
  const blocks = readme.matchAll(
    /(<!-- not run: .+ -->\n\n)?^```sh\n([\s\S]*?)^```$(?:\n\n```text\n([\s\S]*?)^```$)?/gm,
  );
  return Array.from(blocks).flatMap(([, isLeftOut, commands, shown]) =>
    isLeftOut ? [] : [{ commands: commands!, shown: shown ?? null }],
  );
}

/** What differs from one run to the next, for what stays; columns are as wide as what is in them. */
const placeholders: readonly (readonly [varying: RegExp, placeholder: string])[] = [
  [/\b[0-9a-f]{64}\b/g, 'HASH'],
  [/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d{3}Z?/g, 'TIME'],
  [/\b\d\d:\d\d:\d\d\.\d{3}\b/g, 'TIME'],
  [/\b([a-z]+)\.\d+-[0-9a-z]+\b/g, '$1.CONTAINER'],
  [/\bworker-\d\b/g, 'NODE'],
  [/\b\d+(?:\.\d+)? (?:ms|s|m)\b/g, 'DURATION'],
  [/\b\d+→80\b/g, 'PORT'],
  [/\bhost port \d+/g, 'PORT'],
  [/^ *\d+(?= {2}TIME)/gm, 'POSITION'],
  [/("?position"?:? ?)\d+/g, '$1POSITION'],
  [/\[from \d+\]/g, '[from POSITION]'],
  [/\b\d+ commits/g, 'COMMITS'],
  [/ {2,}/g, '  '],
];
const withPlaceholders = (text: string) =>
  placeholders.reduce((masked, [varying, placeholder]) => masked.replace(varying, placeholder), text);

const literal = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

/** `…` stands for the rest of a line or, alone, for lines. */
function isAsShown(printed: string, shown: string): boolean {
  const lines = withPlaceholders(shown).trimEnd().split('\n');
  const patterns = lines.map((line) =>
    line.trim() === '…' ? '(?:.*\n)*?' : `${line.split('…').map(literal).join('.*')}\n`,
  );
  return new RegExp(`^${patterns.join('')}$`).test(`${withPlaceholders(printed).trimEnd()}\n`);
}

/** They end with another code than 0, as the README says. */
const endingOtherwise = ['coctl diff', 'coctl plan', 'missing/hello'];

/** A person waits for seconds until a node is lost and its containers run elsewhere; a busy machine takes longer. */
const sleepUntilMoved = `sleep() {
  command sleep "$1"
  until ./coctl nodes | grep -q ' lost ' && ! ./coctl services | grep -q progressing; do command sleep 0.2; done
}`;

type Shell = { run(block: string): Promise<string>; close(): void };

/** One bash for all of the walk: what one block defines, the next one uses. */
function openShell(environment: NodeJS.ProcessEnv): Shell {
  const bash: ChildProcess = spawn('bash', ['-s'], {
    cwd: projectDir,
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const output of [bash.stdout, bash.stderr]) {
    output!.on('data', (chunk) => {
      printed += chunk;
    });
  }
  const failed = `failed-${randomUUID()}`;
  const isFine = endingOtherwise.map((words) => `*"${words}"*`).join('|');
  bash.stdin!.write(`exec 2>&1
    set -Eo pipefail
    trap 'case $BASH_COMMAND in ${isFine}) ;; *) echo "${failed}: $BASH_COMMAND" ;; esac' ERR
    ${sleepUntilMoved}\n`);
  return {
    async run(block) {
      const done = `done-${randomUUID()}`;
      printed = '';
      bash.stdin!.write(`${block}\necho "${done}"\n`);
      await until(`the end of:\n${block}`, () => printed.includes(done) || bash.exitCode !== null, blockDeadlineMs);
      assert.not.ok(printed.includes(failed), `a command failed:\n${printed}`);
      assert.ok(printed.includes(done), `the shell ended:\n${printed}`);
      return printed.replace(done, '');
    },
    close: () => void bash.kill('SIGKILL'),
  };
}

test('every command works as written and shows what the README says', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'co-readme-'));
  const environment = {
    CO_DATA_DIR: dataDir,
    CO_PORT: '0',
    CO_ENGINE: 'simulated',
    CO_CONTEXTS: join(dataDir, 'contexts.json'),
  };
  let up: Program | undefined;
  const shell = openShell(environment);
  try {
    const [first, ...steps] = await readSteps();
    assert.is(first?.commands, './bootstrap/up\n', 'the README begins with it');
    up = startProgram([], environment, upProgram);
    const [url = ''] = (await up.line('ready ')).split(' ');
    assert.match(await shell.run('./coctl context ls'), new RegExp(`^\\* +local +${url}$`, 'm'));
    for (const { commands, shown } of steps) {
      const printed = await shell.run(commands.replaceAll(readmeAddress, new URL(url).host));
      const both = `the README shows\n${shown}\nand this was printed:\n${printed}`;
      assert.ok(shown === null || isAsShown(printed, shown), both);
      const [, lost] = /^(worker-\d) is down:/m.exec(printed) ?? [];
      if (lost) assert.not.match(printed, new RegExp(`^web\\..* ${lost} `, 'm'), 'nothing of web is on it any more');
    }
    assert.ok(steps.filter(({ shown }) => shown !== null).length >= 10, 'the README shows what is printed');
    await up.end();
    const noted = JSON.parse(await readFile(environment.CO_CONTEXTS, 'utf8'));
    assert.equal(noted.contexts.local, undefined, 'what has ended is not called any more');
  } finally {
    shell.close();
    await up?.end();
    await rm(dataDir, { recursive: true, force: true });
  }
});

test('what is printed otherwise is seen', () => {
  const shown = 'web  3/3  paused  2 s\n…\nchosen: worker-1 with …\n';
  assert.ok(isAsShown('web   3/3  paused    11 s\none\ntwo\nchosen: worker-4 with 0 replicas\n', shown));
  assert.ok(isAsShown('web   3/3  paused    11 s\nchosen: worker-4 with 0 replicas\n', shown));
  const others = [
    'web  2/3  paused  2 s\nchosen: worker-1 with 0 replicas\n',
    'web  3/3  paused  2 s\n',
    'one\nweb  3/3  paused  2 s\nchosen: worker-1 with 0 replicas\n',
    'web  3/3  paused  2 s\nchosen: worker-1 with 0 replicas\ntwo\n',
  ];
  assert.equal(
    others.map((printed) => isAsShown(printed, shown)),
    [false, false, false, false],
  );
});

test.run();
