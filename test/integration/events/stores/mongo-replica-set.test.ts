/** What only a real replica set can show: elections in the middle of appends, majority reads and writes, change streams. */

import { type CommandStartedEvent, MongoClient } from 'mongodb';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createMongoStore } from '../../../../src/events/stores/mongo/mongo-store.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { fact, readAll, verifyChain } from '../../../support/log/log-events.ts';
import { createMongoPlace, type LogPlace, mongodbUrl, openLogAt } from '../../../support/log/logs.ts';
import { until } from '../../../support/wait.ts';

const test = suite('mongodb replica set');

async function findReplicaSet(): Promise<string | null> {
  if (!mongodbUrl) return null;
  const client = new MongoClient(mongodbUrl, { serverSelectionTimeoutMS: 5_000 });
  try {
    const hello = await client.db('admin').command({ hello: 1 });
    return typeof hello.setName === 'string' ? hello.setName : null;
  } catch {
    return null;
  } finally {
    await client.close();
  }
}

const isReplicaSet = (await findReplicaSet()) !== null;
const whyNot = mongodbUrl ? 'CO_TEST_MONGODB_URL is no replica set' : 'CO_TEST_MONGODB_URL is not set';
if (!isReplicaSet) console.log(`skipped: ${whyNot}`);

const promise = (sentence: string, body: (place: LogPlace) => Promise<void>) => {
  if (!isReplicaSet) return test.skip(sentence);
  return test(sentence, async () => {
    const place = await createMongoPlace(mongodbUrl!);
    try {
      await body(place);
    } finally {
      await place.remove();
    }
  });
};

promise('the primary steps down in the middle of appends: nothing is lost, nothing is there twice', async (place) => {
  const logs = await Promise.all(['a', 'b'].map((writer) => openLogAt(place, { writer })));
  const admin = new MongoClient(mongodbUrl!);
  const acknowledged: number[] = [];
  let isDone = false;
  const writing = logs.map(async (log, index) => {
    while (!isDone)
      acknowledged.push((await log.append([fact(`w${index}`), fact('all')], { deadlineMs: 60_000 })).first);
  });
  for (let round = 0; round < 2; round += 1) {
    const before = acknowledged.length;
    await until('some appends', () => acknowledged.length > before + 50, 30_000);
    await admin
      .db('admin')
      .command({ replSetStepDown: 2, secondaryCatchUpPeriodSecs: 1, force: true })
      .catch(() => {});
    const after = acknowledged.length;
    await until('appends go on under the next primary', () => acknowledged.length > after + 50, 60_000);
  }
  isDone = true;
  await Promise.all(writing);
  const [log] = logs;
  verifyChain(await log!.readCommits({ afterSlot: 0, limit: 100_000 }));
  const events = await readAll(log!);
  assert.is(events.length, 2 * acknowledged.length);
  for (const position of acknowledged) assert.match(events[position - 1]!.stream, /^service\/w\d$/);
  await admin.close();
  await Promise.all(logs.map((each) => each.close()));
});

promise('commits are written and read with majority', async () => {
  const client = new MongoClient(mongodbUrl!, { monitorCommands: true });
  const started: CommandStartedEvent[] = [];
  client.on('commandStarted', (event) => started.push(event));
  const db = client.db(`co-test-majority-${process.pid}`);
  const store = await createMongoStore({ db, logger: silentLogger }, { description: 'mongodb' });
  const log = await openLogAt({ openStore: async () => store, remove: async () => {} });
  await log.append([fact('a')]);
  await readAll(log);
  const insert = started.find(({ commandName }) => commandName === 'insert');
  assert.equal(insert?.command.writeConcern, { w: 'majority', j: true });
  assert.ok(insert?.command.txnNumber !== undefined, 'writes are retryable');
  const finds = started.filter(({ commandName }) => commandName === 'find');
  assert.ok(finds.length > 0 && finds.every(({ command }) => command.readConcern?.level === 'majority'));
  await log.close();
  await db.dropDatabase();
  await client.close();
});

promise('a change stream tells a follower in another process long before its poll', async (place) => {
  const [one, two] = await Promise.all(['a', 'b'].map((writer) => openLogAt(place, { writer })));
  await one!.append([fact('a')]);
  const stop = new AbortController();
  const heardAtMs: number[] = [];
  const following = (async () => {
    for await (const _ of two!.follow({ afterSlot: 0, signal: stop.signal })) heardAtMs.push(performance.now());
  })();
  await until('the first', () => heardAtMs.length === 1);
  const latenciesMs: number[] = [];
  for (let n = 0; n < 9; n += 1) {
    const count = heardAtMs.length;
    const sentMs = performance.now();
    await one!.append([fact('a')]);
    await until('it is heard', () => heardAtMs.length > count, 3_000);
    latenciesMs.push(heardAtMs[count]! - sentMs);
  }
  // The poll alone would take half a second on average.
  assert.ok(latenciesMs.toSorted((a, b) => a - b)[4]! < 300, String(latenciesMs));
  stop.abort();
  await following;
  await Promise.all([one!.close(), two!.close()]);
});

test.run();
