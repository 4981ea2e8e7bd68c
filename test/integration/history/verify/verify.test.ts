/** Verify: whatever was changed in a log, or in what was derived from it, is named; what is sound is said to be. */

import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../../../src/clock.ts';
import { readConfig } from '../../../../src/daemon/config.ts';
import { startLocalCluster } from '../../../../src/daemon/local-cluster.ts';
import { createCommitLog } from '../../../../src/events/log/commit-log.ts';
import { openLogForReading } from '../../../../src/events/open-log.ts';
import { streams } from '../../../../src/events/schema/event.ts';
import { createMongoStore } from '../../../../src/events/stores/mongo/mongo-store.ts';
import { replay } from '../../../../src/history/replay/replay.ts';
import { verifyChain } from '../../../../src/history/verify/chain-check.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { createProjector } from '../../../../src/projections/live/projector.ts';
import { createReadModelWriter } from '../../../../src/projections/read-models/read-model-writer.ts';
import { takeSnapshot } from '../../../../src/projections/snapshots/snapshot.ts';
import { createSnapshotFiles } from '../../../../src/projections/snapshots/snapshot-files.ts';
import { createApi } from '../../../support/cluster/api.ts';
import { coctl } from '../../../support/cluster/cli.ts';
import { verifyChain as secondOpinion } from '../../../support/log/log-events.ts';
import { mongodbUrl } from '../../../support/log/logs.ts';
import { type RecordedFile, recordDatabase, recordFile } from '../../../support/log/recorded-log.ts';
import { until } from '../../../support/wait.ts';

const file = suite('verify: a file');
let recorded: RecordedFile;
const verify = (...args: string[]) => coctl(['verify', '--sqlite', recorded.path, ...args]);

file.before.each(async () => {
  recorded = await recordFile();
});
file.after.each(() => recorded.remove());

file('a log as it was written is whole', async () => {
  const { code, out } = await verify();
  assert.is(code, 0, out);
  assert.match(out, /^the chain is whole: 61 commits, 0 of them pruned/);
  assert.match(out, /verified [\d,]+ events of sqlite .* events\/s/);
});

file('--json is the report', async () => {
  const { json } = await verify('--json');
  const { sound, chain, unfoldable, compared } = json();
  assert.equal({ sound, unfoldable, compared }, { sound: true, unfoldable: null, compared: [] });
  assert.is(chain.commits, 61);
  assert.match(chain.headHash, /^[0-9a-f]{64}$/);
});

file('pruned telemetry leaves the chain whole', async () => {
  recorded.tamper(`UPDATE commits SET events = NULL WHERE class = 'telemetry'`);
  const { code, json } = await verify('--json');
  assert.is(code, 0);
  assert.ok(json().chain.pruned > 0);
});

type Tampering = { what: string; sql: string; slot: number; why: RegExp };

const tamperings: Tampering[] = [
  {
    what: 'an event',
    sql: `UPDATE commits SET events = replace(events, 'service-1:1.4.2', 'service-1:6.6.6') WHERE slot = 9`,
    slot: 9,
    why: /its events are not those that were written/,
  },
  {
    what: 'an event and its bodyHash',
    sql: `UPDATE commits SET bodyHash = replace(bodyHash, substr(bodyHash, 1, 1), 'x') WHERE slot = 9`,
    slot: 9,
    why: /its events are not/,
  },
  {
    what: 'a hash',
    sql: `UPDATE commits SET hash = '${'0'.repeat(64)}' WHERE slot = 30`,
    slot: 30,
    why: /its hash is/,
  },
  { what: 'a writer', sql: `UPDATE commits SET writer = 'nobody' WHERE slot = 30`, slot: 30, why: /its hash is/ },
  {
    what: 'a time',
    sql: `UPDATE commits SET at = '2020-01-01T00:00:00.000Z' WHERE slot = 30`,
    slot: 30,
    why: /its time .* is before/,
  },
  {
    what: 'facts taken away',
    sql: 'UPDATE commits SET events = NULL WHERE slot = 9',
    slot: 9,
    why: /its facts are gone/,
  },
  { what: 'a commit taken away', sql: 'DELETE FROM commits WHERE slot = 30', slot: 31, why: /slot 30 is missing/ },
  {
    what: 'text that is no JSON',
    sql: `UPDATE commits SET events = '[{' WHERE slot = 30`,
    slot: 30,
    why: /damaged in slot 30/,
  },
];

for (const { what, sql, slot, why } of tamperings) {
  file(`changed behind its back, it names the first broken slot: ${what}`, async () => {
    recorded.tamper(sql);
    const { code, json } = await verify('--json');
    assert.is(code, 1);
    const { sound, chain } = json();
    assert.is(sound, false);
    assert.is(chain.broken.slot, slot);
    assert.match(chain.broken.why, why);
    const { out } = await verify();
    assert.match(out, new RegExp(`^BROKEN: slot ${slot}, from position \\d+: `));
  });
}

file('the chain of every recorded log is whole for another implementation too', async () => {
  const { log, close } = await openLogForReading({ sqlitePath: recorded.path }, { logger: silentLogger });
  secondOpinion(await log.readCommits({ afterSlot: 0 }));
  const report = await verifyChain(log);
  assert.is(report.broken, null);
  assert.is(report.headHash, (await log.head()).hash);
  assert.is((await verifyChain(log, { toSlot: 5 })).commits, 5);
  await close();
});

file('a log that cannot be folded says where, and its chain is checked to the end all the same', async () => {
  recorded.tamper(`UPDATE commits SET events = replace(events, 'ContainerRunning', 'ContainerDancing') WHERE slot = 13;
    UPDATE commits SET writer = 'nobody' WHERE slot = 5`);
  const { code, json } = await verify('--json');
  assert.is(code, 1);
  assert.match(json().unfoldable.why, /ContainerDancing/);
  assert.is(json().chain.commits, 61);
  assert.is(json().chain.broken.slot, 5);
});

file('a snapshot that is not what the log says is named with document and field', async () => {
  const { log, close } = await openLogForReading({ sqlitePath: recorded.path }, { logger: silentLogger });
  const view = await replay({ log, logger: silentLogger }, { to: 'head' });
  const { slot, hash } = await log.head();
  await close();
  const files = createSnapshotFiles(join(recorded.folder, 'snapshots'));
  await files.save(await takeSnapshot(view, { slot, hash }));
  assert.match((await verify()).out, /^snapshot of slot 61, position \d+: \d+ rows as the log says$/m);
  view.nodes.get('worker-3')!.hostname = 'elsewhere';
  await files.save(await takeSnapshot(view, { slot, hash }));
  const { code, out } = await verify();
  assert.is(code, 1);
  assert.match(
    out,
    /^DIFFERENT: snapshot .*: nodes: worker-3: hostname is "elsewhere", the log says "worker-3.example"$/m,
  );
});

file('an interrupted verify is exit code 130', async () => {
  const signal = AbortSignal.abort();
  assert.is((await coctl(['verify', '--sqlite', recorded.path], { signal })).code, 130);
});

file.run();

/** A log that grows as fast as it can is verified for as long. */
const betweenWritesMs = 5;

const live = suite('verify: beside a running manager');

live('its state is as the log says, while it goes on writing', async () => {
  const options = ['--data', join(recorded.folder, 'live'), '--engine', 'simulated', '--port', '0', '--workers', '3'];
  const config = readConfig(options, {});
  const onFatal = (error: Error) => {
    throw error;
  };
  const cluster = await startLocalCluster(config, { logger: silentLogger, onProgress: () => {}, onFatal });
  const { url } = cluster.manager;
  const api = createApi(url);
  const args = ['verify', '--live', '--url', url, '--sqlite', join(recorded.folder, 'live', 'events.sqlite'), '--json'];
  let writes = 0;
  let isDone = false;
  const writing = (async () => {
    for (; !isDone; writes += 1) {
      await api.ask({ serviceName: 'web', replicas: 1 + (writes % 5), image: 'nginx' });
      await pause(betweenWritesMs);
    }
  })();
  try {
    await until('the first write', () => writes > 0);
    for (let round = 0; round < 3; round += 1) {
      const { code, json, out } = await coctl(args);
      assert.is(code, 0, out);
      assert.is(json().compared[0].difference, null);
      assert.ok(json().compared[0].rows >= 4);
    }
    const other = await coctl(['verify', '--live', '--url', url, '--sqlite', recorded.path]);
    assert.is(other.code, 2);
    assert.match(other.err, /is of cluster/);
  } finally {
    isDone = true;
    await writing;
    await cluster.close();
    await recorded.remove();
  }
  assert.ok(writes > 0);
});

live.before(async () => {
  recorded = await recordFile(1);
});

live.run();

const database = suite('verify: MongoDB');

database('collections are compared with the log, and what was changed in them is named', async () => {
  const { db, url, remove } = await recordDatabase(mongodbUrl!, `co-test-verify-${process.pid}`);
  const environment = { CO_MONGODB_URL: url };
  const verifyAfter = async (change: () => Promise<unknown>) => {
    assert.is((await coctl(['replay', '--rebuild'], { environment })).code, 0);
    await change();
    return coctl(['verify'], { environment });
  };
  const services = db.collection<{ _id: string }>('service_config');
  try {
    const sound = await verifyAfter(async () => {});
    assert.is(sound.code, 0, sound.out);
    assert.match(sound.out, /^collections .*: \d+ rows as the log says$/m);
    const one = { _id: 'service-1' };
    for (const [says, change] of [
      [
        /services: service-1: replicas is 99, the log says 4/,
        () => services.updateOne(one, { $set: { replicas: 99 } }),
      ],
      [
        /services: service-1: note is "x", the log says not there/,
        () => services.updateOne(one, { $set: { note: 'x' } }),
      ],
      [/services: service-1 is missing/, () => services.deleteOne(one)],
      [/services: ghost is there, the log has none such/, () => services.insertOne({ _id: 'ghost' })],
      [/services: service-1: position is 900000/, () => services.updateOne(one, { $set: { position: 900_000 } })],
      [/services: service-0 is missing/, () => services.drop()],
    ] as const) {
      const { code, out } = await verifyAfter(change);
      assert.is(code, 1, `${says}\n${out}`);
      assert.match(out, says);
    }
    const event = await verifyAfter(() =>
      db.collection<{ _id: number }>('events').updateOne({ _id: 9 }, { $set: { 'events.0.data.replicas': 3 } }),
    );
    assert.is(event.code, 1);
    assert.match(event.out, /^BROKEN: slot 9,/);
  } finally {
    await remove();
  }
});

database('collections that a leader is writing are compared row by row, each at its own position', async () => {
  const recordedDatabase = await recordDatabase(mongodbUrl!, `co-test-moving-${process.pid}`);
  const { db, url } = recordedDatabase;
  const store = await createMongoStore({ db, logger: silentLogger }, { description: 'mongodb' });
  const log = await createCommitLog({ store, clock: systemClock, logger: silentLogger }, { writer: 'test' });
  const projector = createProjector({ log, logger: silentLogger, clock: systemClock });
  await projector.start();
  const deps = { db, projector, logger: silentLogger, isLeader: () => true };
  const writer = createReadModelWriter(deps, { flushDelayMs: 1 });
  let isDone = false;
  let writes = 0;
  const meta = { actor: 'person:test', causationId: null };
  const writing = (async () => {
    for (; !isDone; writes += 1) {
      const service = `service-${writes % 3}`;
      const { generation, replicas: from } = projector.view.services.get(service)!;
      const data = { service, generation: generation + 1, from, replicas: 1 + (writes % 7) };
      const { last } = await log.append([{ stream: streams.service(service), type: 'ServiceScaled', data, meta }]);
      await projector.waitFor(last);
      await pause(betweenWritesMs);
    }
  })();
  try {
    await until('rows are written', () => (writer.writtenPosition() ?? 0) > 0);
    for (let round = 0; round < 4; round += 1) {
      const { code, out } = await coctl(['verify'], { environment: { CO_MONGODB_URL: url } });
      assert.is(code, 0, out);
      assert.match(out, /^collections .*: \d+ rows as the log says$/m);
    }
  } finally {
    isDone = true;
    await writing;
    await writer.close();
    await projector.close();
    await log.close();
    await recordedDatabase.remove();
  }
  assert.ok(writes > 4);
});

if (mongodbUrl) database.run();
else {
  const skipped = suite('verify: MongoDB');
  console.log('skipped: CO_TEST_MONGODB_URL is not set');
  skipped.skip('collections in MongoDB');
  skipped.run();
}
