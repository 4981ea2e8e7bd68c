/** MongoDB behind a network that cuts: no hole, no duplicate, every acknowledged event present. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasCode } from '../../../../src/errors.ts';
import type { CommitStore } from '../../../../src/events/log/commit-store.ts';
import type { EventLog } from '../../../../src/events/log/event-log.ts';
import { fact, readAll, verifyChain } from '../../../support/log/log-events.ts';
import { createMongoPlace, type LogPlace, mongodbUrl, openLogAt } from '../../../support/log/logs.ts';
import { type FaultProxy, openFaultProxy } from '../../../support/servers/fault-proxy.ts';
import { until } from '../../../support/wait.ts';

const test = suite('mongodb faults');

const writers = 4;
const cutsMin = 200;
/** Long enough for some inserts to be on their way, short enough to hit one. */
const cutEveryMs = 25;

async function withProxy(body: (place: LogPlace, proxy: FaultProxy) => Promise<void>): Promise<void> {
  const url = new URL(mongodbUrl!.replace(/^mongodb:/, 'http:'));
  const proxy = await openFaultProxy({ host: url.hostname, port: Number(url.port || 27017) });
  // Straight to the proxy: a replica set would tell the driver its own addresses.
  const through = proxy.through(mongodbUrl!).replace(/\?.*$/, '');
  const place = await createMongoPlace(mongodbUrl!, `${through}?directConnection=true`);
  try {
    await body(place, proxy);
  } finally {
    await place.remove();
    await proxy.close();
  }
}

const promise = (sentence: string, body: Parameters<typeof withProxy>[0]) =>
  mongodbUrl ? test(sentence, () => withProxy(body)) : test.skip(sentence);
if (!mongodbUrl) console.log('skipped: CO_TEST_MONGODB_URL is not set');

promise(`${writers} writers, connections cut ${cutsMin} times in the middle of it`, async (place, proxy) => {
  const logs: EventLog[] = [];
  let unknownOutcomes = 0;
  const wrap = (store: CommitStore): CommitStore => ({
    ...store,
    insert: (prepared) =>
      store.insert(prepared).catch((error: unknown) => {
        unknownOutcomes += 1;
        throw error;
      }),
  });
  for (let n = 0; n < writers; n += 1) logs.push(await openLogAt(place, { writer: `writer-${n}`, wrap }));
  let cuts = 0;
  const acknowledged: { writer: number; sequence: number; position: number }[] = [];
  let isDone = false;
  const cutting = (async () => {
    while (cuts < cutsMin) {
      await new Promise((resolve) => setTimeout(resolve, cutEveryMs));
      if (proxy.cut() > 0) cuts += 1;
    }
    isDone = true;
  })();
  const write = async (log: EventLog, writer: number) => {
    for (let sequence = 0; !isDone; sequence += 1) {
      const { first } = await log.append([fact(`w${writer}`, { text: String(sequence) })], { deadlineMs: 60_000 });
      acknowledged.push({ writer, sequence, position: first });
    }
  };
  await Promise.all([cutting, ...logs.map(write)]);

  const [log] = logs as [EventLog];
  const commits = [];
  for (let slot = 0; ; slot = commits.at(-1)?.slot ?? 0) {
    const page = await log.readCommits({ afterSlot: slot });
    if (page.length === 0) break;
    commits.push(...page);
  }
  verifyChain(commits);
  const events = await readAll(log);
  const told = (position: number) => {
    const event = events[position - 1];
    return [event?.stream, event?.type === 'AlarmRaised' ? event.data.message : null];
  };
  for (const { writer, sequence, position } of acknowledged) {
    assert.equal(told(position), [`service/w${writer}`, String(sequence)]);
  }
  // Every append was acknowledged in the end, so there is nothing beside them: no duplicate.
  assert.is(events.length, acknowledged.length);
  assert.ok(acknowledged.length > cutsMin, `only ${acknowledged.length} appends`);
  assert.ok(unknownOutcomes > cutsMin / 10, `only ${unknownOutcomes} inserts were cut`);
  await Promise.all(logs.map((each) => each.close()));
});

promise(
  'a database that answers nothing: the append ends at its deadline, and all goes on by itself',
  async (place, proxy) => {
    const log = await openLogAt(place);
    await log.append([fact('a')]);
    proxy.stall();
    const appendId = '00000000-0000-5000-8000-000000000001';
    const startedMs = performance.now();
    const error = await log.append([fact('b')], { appendId, deadlineMs: 300 }).catch((caught: unknown) => caught);
    assert.ok(hasCode(error, 'log_unavailable'), String(error));
    assert.ok(performance.now() - startedMs < 2_000);
    proxy.cut();
    proxy.flow();
    const { first } = await log.append([fact('b')], { appendId, deadlineMs: 30_000 });
    assert.is(first, 2);
    assert.is((await readAll(log)).length, 2);
    await log.close();
  },
);

promise('a follower says that it cannot read, and goes on where it was', async (place, proxy) => {
  const log = await openLogAt(place);
  const writer = await openLogAt(place, { writer: 'other' });
  await log.append([fact('a')]);
  const stop = new AbortController();
  const slots: number[] = [];
  const troubles: (string | undefined)[] = [];
  const following = (async () => {
    const onProblem = (trouble: { code: string } | null) => troubles.push(trouble?.code);
    for await (const commits of log.follow({ afterSlot: 0, signal: stop.signal, onProblem })) {
      slots.push(...commits.map(({ slot }) => slot));
    }
  })();
  await until('the first', () => slots.length === 1);
  proxy.stall();
  proxy.cut();
  await until('it says so', () => troubles.includes('log_unavailable'), 30_000);
  proxy.flow();
  proxy.cut();
  await writer.append([fact('b')], { deadlineMs: 30_000 });
  await until('it goes on', () => slots.length === 2, 15_000);
  assert.is(troubles.at(-1), undefined);
  stop.abort();
  await following;
  await Promise.all([log.close(), writer.close()]);
});

test.run();
