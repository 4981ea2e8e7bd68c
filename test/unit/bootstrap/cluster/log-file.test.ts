/** What of its log `up` shows on a terminal, and that the file goes on, and is put aside when it is large. */

import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { describeEntry, logFiles, openLogFile } from '../../../../bootstrap/cluster/log-file.ts';
import { createLogger } from '../../../../src/logger.ts';
import { until } from '../../../support/wait.ts';

const test = suite('log file');

const inFolder = (body: (dir: string) => Promise<void>) => async () => {
  const dir = await mkdtemp(join(tmpdir(), 'co-log-file-'));
  try {
    await body(dir);
  } finally {
    await rm(dir, { recursive: true });
  }
};

const entry = (members: Record<string, unknown>) => JSON.stringify({ level: 40, time: 1, msg: 'away', ...members });

test('warnings and errors are a plain line each, nothing else is shown', () => {
  assert.is(describeEntry(entry({ level: 30 })), null);
  assert.is(describeEntry('plain words'), null);
  assert.is(describeEntry(entry({})), 'warning: away');
  assert.is(
    describeEntry(entry({ part: 'agent worker-1', err: { message: 'refused' } })),
    'warning: agent worker-1: away: refused',
  );
  assert.is(
    describeEntry(entry({ level: 50, node: 'a', waitMs: 5, of: [1] })),
    'error: away (node a, waitMs 5, of [1])',
  );
});

test('what a terminal would obey is not shown, nor is more than a line of it', () => {
  assert.is(describeEntry(entry({ err: { message: 'one\ntwo \u001b[2J' } })), 'warning: away: one two  [2J');
  assert.is(describeEntry(entry({ msg: 'x'.repeat(5_000) }))?.length, 400);
});

test(
  'a logger writes all of its level to the file and shows its warnings',
  inFolder(async (dir) => {
    const shown: string[] = [];
    for (const run of [1, 2]) {
      const file = await openLogFile(dir, (line) => shown.push(line));
      const logger = createLogger({ level: 'info' }, file);
      logger.debug({ run }, 'hidden');
      logger.info({ run }, 'kept');
      logger.warn({ run }, 'seen');
      file.write(entry({ run, msg: 'from a child' }));
      await file.close();
    }
    const lines = await until('all is written', async () => {
      const text = await readFile(join(dir, logFiles.current), 'utf8');
      const found = text.trimEnd().split('\n');
      return found.length === 6 ? found : null;
    });
    const messages = lines.map((line) => JSON.parse(line)).map(({ run, msg }) => `${run} ${msg}`);
    assert.equal(messages, ['1 kept', '1 seen', '1 from a child', '2 kept', '2 seen', '2 from a child']);
    const eachRun = (run: number) => [`warning: seen (run ${run})`, `warning: from a child (run ${run})`];
    assert.equal(shown, [...eachRun(1), ...eachRun(2)]);
  }),
);

test(
  'a large file is put aside on the next start, the others move up, and the oldest of five goes',
  inFolder(async (dir) => {
    const [first, second, third, oldest] = logFiles.rotated;
    for (const name of logFiles.rotated) await writeFile(join(dir, name), `was ${name}`);
    await writeFile(join(dir, logFiles.current), 'large');
    await truncate(join(dir, logFiles.current), 20 * 1024 * 1024 + 1);
    const { path, close } = await openLogFile(dir, () => {});
    await close();
    assert.is(path, join(dir, logFiles.current));
    assert.equal((await readdir(dir)).toSorted(), [logFiles.current, ...logFiles.rotated].toSorted());
    const textOf = async (name: string) => (await readFile(join(dir, name), 'latin1')).slice(0, 20);
    assert.is(await textOf(logFiles.current), '');
    assert.match(await textOf(first), 'large');
    assert.equal(
      [await textOf(second), await textOf(third), await textOf(oldest)],
      [`was ${first}`, `was ${second}`, `was ${third}`],
    );
  }),
);

test(
  'a file that grows too large while it is written is put aside too',
  inFolder(async (dir) => {
    const { path, write, close } = await openLogFile(dir, () => {});
    const line = entry({ level: 30, text: 'x'.repeat(1024 * 1024) });
    for (let count = 0; count < 22; count += 1) write(line);
    await until('the file was put aside', async () => (await readdir(dir)).includes(logFiles.rotated[0]));
    write(entry({ level: 30, msg: 'the last' }));
    await until('it goes on', async () => (await readFile(path, 'utf8')).includes('the last'));
    await close();
  }),
);

test.run();
