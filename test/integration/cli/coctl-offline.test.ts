/** Questions asked of a log without a manager: the same answer as a manager's, from each kind of log, to the letter. */

import { ok } from 'node:assert';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventLog } from '../../../src/events/log/event-log.ts';
import { openLog } from '../../../src/events/open-log.ts';
import { type NewEvent, streams } from '../../../src/events/schema/event.ts';
import { createMongoClient } from '../../../src/events/stores/mongo/mongo-connection.ts';
import { exportToFile } from '../../../src/history/archive/partial-file.ts';
import { silentLogger } from '../../../src/logger.ts';
import { coctl } from '../../support/cluster/cli.ts';
import { startApi, type TestApi } from '../../support/http/http.ts';
import { clusterId } from '../../support/log/history.ts';
import { mongodbUrl } from '../../support/log/logs.ts';
import { openSimulatedLog } from '../../support/log/simulated-log.ts';
import { createSimulatedCluster } from '../../support/simulation/simulated-cluster.ts';
import { applyFor, ask, exit, runningOf } from '../../support/simulation/why-scenarios.ts';
import { specOf } from '../../support/specs.ts';

let folder: string;
let log: EventLog;
let api: TestApi;
/** A container that ended by itself, and a position before that. */
let crashed: string;
let calm: number;

const created: NewEvent = {
  stream: streams.cluster,
  type: 'ClusterCreated',
  data: { clusterId, name: 'test' },
  meta: { actor: 'person:test', causationId: null },
};

const inFolder = (name: string) => join(folder, name);
const exported = () => inFolder('log.ndjson.gz');
const online = (...args: string[]) => coctl(args, { environment: { CO_URL: api.url } });

async function start(): Promise<void> {
  const cluster = createSimulatedCluster(7);
  ok(cluster.append([created], []));
  for (let number = 1; number <= 3; number += 1) cluster.addNode(`worker-${number}`);
  cluster.advance(2_000);
  ask(cluster, 'alice', applyFor('web', 3, specOf('nginx')));
  ask(cluster, 'alice', applyFor('old', 1, specOf('nginx')));
  ask(cluster, 'eve', { kind: 'remove', service: 'old' });
  calm = cluster.events.length;
  ask(cluster, 'alice', applyFor('web', 4, specOf('nginx:2')), 20_000);
  [crashed] = runningOf(cluster, 'web') as [string];
  exit(cluster, crashed, 3, ['fatal: no config']);
  folder = await mkdtemp(join(tmpdir(), 'co-offline-'));
  const told = await openSimulatedLog(cluster.events, cluster.nowMs);
  await exportToFile({ log: told }, exported(), { program: 'test' });
  await told.close();
  await importInto('--sqlite', inFolder('events.sqlite'));
  ({ log } = await openLog({ mongodbUrl: null, dataDir: folder }, { writer: 'test', logger: silentLogger }));
  // What a manager records of the questions would make its log another than the one that was copied.
  const { at } = await log.head();
  api = await startApi({ ...log, append: async () => ({ first: 1, last: 1, at, repeated: true }) });
}

async function importInto(...where: string[]): Promise<void> {
  const { code, err } = await coctl(['import', exported(), ...where]);
  assert.is(code, 0, err);
}

async function stop(): Promise<void> {
  await api.close();
  await log.close();
  await rm(folder, { recursive: true });
}

/** `code`: what both end with. */
const questions = (): [code: number, ...question: string[]][] => [
  [0, 'why', 'web'],
  [0, 'why', 'web', '--json'],
  [0, 'why', 'web', '--at', '12'],
  [1, 'why', 'web', '--at', '1'],
  [1, 'why', 'web', '--at', '999999'],
  [2, 'why', 'web', '--at', 'noon'],
  [2, 'why', crashed, '--at', '12'],
  [0, 'why', 'old'],
  [0, 'why', crashed],
  [0, 'why', crashed, '--json'],
  [1, 'why', 'nobody'],
  [1, 'why', 'web.1-zz'],
  [2, 'why', 'We b'],
  [2, 'why', 'web.1'],
  [0, 'history', 'web'],
  [0, 'history', 'web', '--limit', '3'],
  [0, 'history', 'worker-1', '--json'],
  [0, 'history', crashed],
  [0, 'history', 'web', '--since', '2026-01-01T00:00:10Z', '--until', '2026-01-01T00:00:20Z'],
  [1, 'history', 'web', '--until', '2020-01-01T00:00:00Z'],
  [1, 'history', 'nobody'],
  [2, 'history', 'no/body'],
  [0, 'events'],
  [0, 'events', '--limit', '3', '--service', 'web'],
  [0, 'events', '--type', 'NodeLost', 'ContainerFailed', '--stream', 'node/worker-1', `container/${crashed}`],
  [0, 'events', '--class', 'all', '--json'],
  [0, 'events', '--since', '2026-01-01T00:00:10Z', '--until', '2026-01-01T00:00:20Z', '--node', 'worker-1'],
  [2, 'events', '--type', 'Nothing'],
  [2, 'events', '--since', 'noon'],
  [1, 'diff', `${calm}`],
  [1, 'diff', `${calm}`, '--json'],
  [1, 'diff', '2026-01-01T00:00:04Z', `${calm + 5}`, '--json'],
  [0, 'diff', `${calm}`, `${calm}`],
  [1, 'diff', '999999'],
  [2, 'diff', `${calm + 1}`, `${calm}`],
  [2, 'diff', 'noon'],
  [0, 'whatif', '--scale', 'web=5'],
  [0, 'whatif', '--kill', 'worker-1', '--at', `${calm}`, '--json'],
  [1, 'whatif', '--kill', 'worker-9'],
];

type Source = { name: string; whyNot?: string; open: () => Promise<{ args: string[]; close: () => Promise<void> }> };

const nothing = async () => {};

const sources: Source[] = [
  { name: 'an exported file', open: async () => ({ args: ['--file', exported()], close: nothing }) },
  {
    name: 'a SQLite file, beside the manager that has it open,',
    open: async () => ({ args: ['--sqlite', inFolder('events.sqlite')], close: nothing }),
  },
  {
    name: 'MongoDB',
    ...(mongodbUrl ? {} : { whyNot: 'CO_TEST_MONGODB_URL is not set' }),
    async open() {
      const url = new URL(mongodbUrl!);
      url.pathname = `/co-test-${randomUUID().slice(0, 13)}`;
      const args = ['--mongodb', url.href];
      await importInto(...args);
      const close = async () => {
        const client = createMongoClient(url.href);
        await client.db(url.pathname.slice(1)).dropDatabase();
        await client.close();
      };
      return { args, close };
    },
  },
];

const same = suite('coctl asks a log');
same.before(start);
same.after(stop);

for (const { name, whyNot, open } of sources) {
  const sentence = `${name} answers as the manager does`;
  if (whyNot !== undefined) {
    console.log(`skipped: ${whyNot}`);
    same.skip(sentence);
    continue;
  }
  same(sentence, async () => {
    const { args, close } = await open();
    try {
      for (const [code, ...question] of questions()) {
        const [asked, read] = [await online(...question), await coctl([...question, ...args])];
        const what = `${question.join(' ')}: ${read.err}`;
        assert.equal([asked.code, read.code], [code, code], what);
        assert.is(read.out, asked.out, what);
        // How wrong usage is told is the command line's or the manager's own.
        if (code !== 2) assert.is(read.err, asked.err, what);
      }
    } finally {
      await close();
    }
  });
}

same.run();

const sourceless = suite('coctl and the log it is to ask');
sourceless.before(start);
sourceless.after(stop);

const each = [['why', 'web'], ['history', 'web'], ['events'], ['diff', '1'], ['whatif', '--remove', 'web']];

sourceless('--offline means the log of the data folder', async () => {
  const environment = { CO_DATA_DIR: folder, CO_URL: 'http://127.0.0.1:9' };
  for (const question of each) {
    const read = await coctl([...question, '--offline'], { environment });
    assert.is(read.out, (await online(...question)).out, read.err);
  }
});

sourceless('without a word about a log the manager is asked, and where there is none the log is named', async () => {
  const environment = { CO_DATA_DIR: folder, CO_MONGODB_URL: 'mongodb://127.0.0.1:9', CO_URL: 'http://127.0.0.1:9' };
  for (const question of each) {
    const { code, err } = await coctl(question, { environment });
    assert.is(code, 3);
    assert.match(err, /^no manager answers at .*; --offline asks the log instead \(api_unreachable\)\n$/);
  }
});

sourceless('a log that is not there, or is none, ends with 3; one that was cut off is refused', async () => {
  await writeFile(inFolder('cut.ndjson'), '');
  for (const question of each) {
    const told = async (...args: string[]) => {
      const { code, out, err } = await coctl([...question, ...args]);
      assert.is(out, '');
      return [code, /\((\w+)\)\n$/.exec(err)?.[1]];
    };
    assert.equal(await told('--file', inFolder('nothing.ndjson')), [3, 'file_missing']);
    assert.equal(await told('--sqlite', inFolder('nothing.sqlite')), [3, 'log_missing']);
    assert.equal(await told('--file', inFolder('cut.ndjson')), [1, 'transfer_line_invalid']);
  }
});

sourceless('a database that does not answer ends with 3', async () => {
  const { code, err } = await coctl(['why', 'web', '--mongodb', 'mongodb://127.0.0.1:9/co']);
  assert.equal([code, /\((\w+)\)\n$/.exec(err)?.[1]], [3, 'log_unavailable']);
});

sourceless('two places to ask at are wrong usage', async () => {
  for (const question of each) {
    const both = await coctl([...question, '--url', api.url, '--sqlite', inFolder('events.sqlite')]);
    assert.is(both.code, 2);
    assert.match(both.err, /--url asks a manager/);
    assert.is((await coctl([...question, '--file', 'a', '--sqlite', 'b'])).code, 2);
  }
});

sourceless('an interrupted question ends with 130', async () => {
  for (const question of each) {
    const args = [...question, '--file', exported()];
    assert.is((await coctl(args, { signal: AbortSignal.abort() })).code, 130);
  }
});

sourceless.run();
