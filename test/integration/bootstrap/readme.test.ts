/**
 * The walk of the README, as a person types it: every command ends with 0 and shows what the README says it shows. On
 * the simulated engine, with data and a port of its own; `docker` is left out, for there the engine has nothing to show.
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
const blockDeadlineMs = 60_000;

async function readWalk(): Promise<string[]> {
  const readme = await readFile(join(projectDir, 'README.md'), 'utf8');
  const [, walk] = /<!-- walk.*?-->([\s\S]*)<!-- end of the walk -->/.exec(readme) ?? [];
  assert.ok(walk, 'the README marks its walk');
  return Array.from(walk.matchAll(/^```sh\n([\s\S]*?)^```$/gm), ([, block]) => block!);
}

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
  bash.stdin!.write(`set -Eo pipefail; trap 'echo "${failed}: $BASH_COMMAND"' ERR; docker() { :; }\n`);
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

/** Rows as `show` prints them. */
const rowsOf = (printed: string) =>
  printed
    .split('\n')
    .map((line) => line.trim().split(/\s{2,}/))
    .filter((cells) => cells.length > 1);

/** What each block has to show, by a command of it. */
const facts: [command: RegExp, check: (printed: string) => void][] = [
  [
    /"replicas": 3/,
    (printed) => {
      const rows = rowsOf(printed);
      assert.is(rows.filter(([, , state]) => state === 'running').length, 3, printed);
      assert.is(new Set(rows.map(([, node]) => node)).size, 3, printed);
    },
  ],
  [
    /node down/,
    (printed) => {
      const [, victim] = /^(worker-\d+) is down:/m.exec(printed) ?? [];
      const rows = rowsOf(printed).filter(([, , state]) => state === 'running');
      assert.is(rows.length, 3, printed);
      assert.ok(victim && rows.every(([, node]) => node !== victim), printed);
    },
  ],
  [
    /direction=backward/,
    (printed) => {
      const rows = rowsOf(printed);
      const types = ['ContainerRunning', 'ContainerStarting', 'ContainerQueued', 'ContainerFailed', 'NodeLost'];
      assert.equal(
        rows.map(([type]) => type),
        types,
        printed,
      );
      const [, starting, queued, failed, lost] = rows;
      assert.is(starting?.[3], queued?.[2], printed);
      assert.is(queued?.[3], failed?.[2], printed);
      assert.is(failed?.[3], lost?.[2], printed);
      assert.is(lost?.[3], 'null', printed);
    },
  ],
  [
    /"replicas": 6/,
    (printed) => {
      const rows = rowsOf(printed);
      const lost = rows.filter(([, state]) => state === 'lost');
      assert.equal([lost.length, lost[0]?.[2]], [1, '0'], printed);
      assert.is(
        rows.reduce((sum, [, , containers]) => sum + Number(containers), 0),
        6,
        printed,
      );
    },
  ],
  [
    /node back/,
    (printed) => {
      const [, node] = /^(worker-\d+) is back and ready$/m.exec(printed) ?? [];
      const rows = rowsOf(printed);
      const [returned, stale] = ['NodeReturned', 'StaleContainerRemoved'].map((type) =>
        rows.find(([first]) => first === type),
      );
      assert.is(stale?.[3], returned?.[2], printed);
      const [, state, containers] = rows.find(([first]) => first === node) ?? [];
      assert.equal([state, Number(containers) > 0], ['ready', true], printed);
    },
  ],
];

test('every command of the walk works as written and shows what the README says', async () => {
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
    const [first, ...blocks] = await readWalk();
    assert.is(first, './bootstrap/up\n', 'the walk begins with it');
    up = startProgram([], environment, upProgram);
    const [url = ''] = (await up.line('ready ')).split(' ');
    assert.match(await shell.run('./coctl context ls'), new RegExp(`^\\* +local +${url}$`, 'm'));
    assert.match(await shell.run('./coctl nodes'), /^worker-1 +ready/m, 'coctl finds it by what up has noted');
    const unseen = new Set(facts);
    for (const block of blocks) {
      const printed = await shell.run(block.replaceAll(readmeAddress, new URL(url).host));
      for (const fact of facts.filter(([command]) => command.test(block))) {
        fact[1](printed);
        unseen.delete(fact);
      }
    }
    assert.equal([...unseen], [], 'every scene was shown');
    await up.end();
    const noted = JSON.parse(await readFile(environment.CO_CONTEXTS, 'utf8'));
    assert.equal(noted, { current: null, contexts: {} }, 'what has ended is not called any more');
  } finally {
    shell.close();
    await up?.end();
    await rm(dataDir, { recursive: true, force: true });
  }
});

test.run();
