/** What the log's algorithm owes its callers when things happen at the same time; the contract says the rest. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AppError } from '../../../../src/errors.ts';
import { createCommitLog } from '../../../../src/events/log/commit-log.ts';
import type { CommitStore } from '../../../../src/events/log/commit-store.ts';
import { type EventLog, emptyHead } from '../../../../src/events/log/event-log.ts';
import { createLogState, streamsMax } from '../../../../src/events/log/log-state.ts';
import type { Commit } from '../../../../src/events/schema/event.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { fact, readAllCommits } from '../../../support/log/log-events.ts';
import { createMemoryStore } from '../../../support/log/memory-store.ts';
import { until } from '../../../support/wait.ts';

const test = suite('commit log');
const appendId = '00000000-0000-5000-8000-000000000001';

const openLog = (store: CommitStore, writer: string) =>
  createCommitLog({ store, clock: { nowMs: Date.now }, logger: silentLogger }, { writer });

/** Lets the look of a test go on when the test says so. */
function holdReads(store: CommitStore) {
  const held: (() => void)[] = [];
  let isHolding = false;
  return {
    store: {
      ...store,
      async readRange(range: Parameters<CommitStore['readRange']>[0]) {
        const found = await store.readRange(range);
        if (isHolding) await new Promise<void>((resolve) => held.push(resolve));
        return found;
      },
    },
    hold() {
      isHolding = true;
    },
    release() {
      isHolding = false;
      for (const resolve of held.splice(0)) resolve();
    },
  };
}

const turnsApart = 8;
for (let apart = 0; apart < turnsApart; apart += 1) {
  test(`a look that takes another's commit in, ${apart} turns from an append, lets no false expectation through`, async () => {
    const commits: string[] = [];
    const reads = holdReads(createMemoryStore({ commits }));
    const mine = await openLog(reads.store, 'mine');
    const other = await openLog(createMemoryStore({ commits }), 'other');
    const expect = [{ stream: 'service/a', version: 0 }];
    await other.append([fact('a')], { expect });
    reads.hold();
    const look = mine.findAppend(appendId);
    await new Promise((resolve) => setImmediate(resolve));
    const append = mine.append([fact('a')], { expect }).then(
      () => 'accepted',
      (error: AppError) => error.code,
    );
    for (let turn = 0; turn < apart; turn += 1) await null;
    reads.release();
    assert.is(await append, 'expectation_failed');
    assert.is(await look, null);
    assert.is(commits.length, 1);
    await Promise.all([mine.close(), other.close()]);
  });
}

const commitAt = (slot: number, stream: string, version: number): Commit => ({
  ...{ slot, first: slot, count: 1, at: '2026-01-01T00:00:00.000Z', class: 'fact', writer: 'w', commitId: 'c' },
  ...{ appends: [{ appendId: 'a', count: 1 }], bodyHash: '', hash: '' },
  events: [{ stream, version, type: 'AlarmRaised', schemaVersion: 1, data: {}, meta: null as never }],
});

/** How often the store was asked for a range of commits. */
function countReads(store: CommitStore) {
  let reads = 0;
  const readRange: CommitStore['readRange'] = (range) => {
    reads += 1;
    return store.readRange(range);
  };
  return { store: { ...store, readRange }, reads: () => reads };
}

async function followFrom(log: EventLog, signal: AbortSignal, slots: number[]): Promise<void> {
  for await (const commits of log.follow({ afterSlot: 0, signal })) slots.push(...commits.map(({ slot }) => slot));
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

test('who follows what its own process writes does not ask the store for it', async () => {
  const counted = countReads(createMemoryStore());
  const log = await openLog(counted.store, 'mine');
  const stop = new AbortController();
  const slots: number[] = [];
  const following = followFrom(log, stop.signal, slots);
  await log.append([fact('a')]);
  await until('the first commit is followed', () => slots.length === 1);
  await new Promise((resolve) => setImmediate(resolve));
  const before = counted.reads();
  for (let n = 0; n < 50; n += 1) await log.append([fact('a')]);
  await until('all are followed', () => slots.length === 51);
  assert.equal(slots, upTo(51));
  assert.ok(counted.reads() - before <= 3, `asked ${counted.reads() - before} times`);
  stop.abort();
  await following;
  await log.close();
});

test('many callers that come again as soon as they are told take turns, half of them in each commit', async () => {
  const log = await openLog(createMemoryStore(), 'mine');
  const caller = async () => {
    for (let n = 0; n < 5; n += 1) await log.append([fact('a')]);
  };
  await Promise.all(Array.from({ length: 32 }, caller));
  const commits = await readAllCommits(log);
  assert.equal(
    commits.map(({ count }) => count),
    Array.from({ length: 10 }, () => 16),
  );
  await log.close();
});

test('what others write between is followed in order and at once, also while the store is asked', async () => {
  const commits: string[] = [];
  const listeners = new Set<(slot: number) => void>();
  const mine = await openLog(createMemoryStore({ commits, listeners }), 'mine');
  const other = await openLog(createMemoryStore({ commits, listeners }), 'other');
  const stop = new AbortController();
  const slots: number[] = [];
  const following = followFrom(mine, stop.signal, slots);
  const startedMs = performance.now();
  for (let n = 0; n < 100; n += 1) {
    await (n % 3 === 1 ? mine : other).append([fact('a')]);
    for (let turn = 0; turn < n % 7; turn += 1) await null;
  }
  await until('all are followed', () => slots.length === 100);
  assert.ok(performance.now() - startedMs < 1_000, 'nothing waited for a poll');
  assert.equal(slots, upTo(100));
  stop.abort();
  await following;
  await Promise.all([mine.close(), other.close()]);
});

test('what was taken in while the store was asked is not lowered by its answer', () => {
  const state = createLogState({ head: emptyHead, term: 0, known: null });
  const asked = state.missingOf({ streams: ['service/a'], appendIds: [] })!;
  state.apply(commitAt(1, 'service/a', 4));
  state.addFound(asked, { versions: [['service/a', 3]], appends: [] });
  assert.is(state.versionOf('service/a'), 4);
});

test('what is not known by heart any more is asked for, never taken for new', () => {
  const versions = Array.from({ length: streamsMax }, (_, n) => [`service/s${n}`, 7] as const);
  const state = createLogState({ head: emptyHead, term: 0, known: { versions, appends: [] } });
  assert.is(state.versionOf('service/new'), 0);
  assert.is(state.missingOf({ streams: ['service/new'], appendIds: [appendId] }), null);
  state.apply(commitAt(1, 'service/one-more', 1));
  assert.is(state.versionOf('service/s0'), null);
  assert.is(state.versionOf('service/s1'), 7);
  assert.equal(state.missingOf({ streams: ['service/s0', 'service/s1', 'service/new'], appendIds: [appendId] }), {
    streams: ['service/s0', 'service/new'],
    appendIds: [appendId],
  });
});

test.run();
