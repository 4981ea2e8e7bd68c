/** What the log's algorithm owes its callers when things happen at the same time; the contract says the rest. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AppError } from '../../src/errors.ts';
import { createCommitLog } from '../../src/events/commit-log.ts';
import type { CommitStore } from '../../src/events/commit-store.ts';
import type { Commit } from '../../src/events/event.ts';
import { emptyHead } from '../../src/events/event-log.ts';
import { createLogState, streamsMax } from '../../src/events/log-state.ts';
import { createMemoryStore } from '../../src/events/memory-store.ts';
import { silentLogger } from '../../src/logger.ts';
import { fact } from '../support/log-events.ts';

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

test('what was taken in while the store was asked is not lowered by its answer', () => {
  const state = createLogState({ head: emptyHead, term: 0, known: null });
  const asked = state.unknownOf({ streams: ['service/a'], appendIds: [] })!;
  state.apply(commitAt(1, 'service/a', 4));
  state.learn(asked, { versions: [['service/a', 3]], appends: [] });
  assert.is(state.versionOf('service/a'), 4);
});

test('what is not known by heart any more is asked for, never taken for new', () => {
  const versions = Array.from({ length: streamsMax }, (_, n) => [`service/s${n}`, 7] as const);
  const state = createLogState({ head: emptyHead, term: 0, known: { versions, appends: [] } });
  assert.is(state.versionOf('service/new'), 0);
  assert.is(state.unknownOf({ streams: ['service/new'], appendIds: [appendId] }), null);
  state.apply(commitAt(1, 'service/one-more', 1));
  assert.is(state.versionOf('service/s0'), null);
  assert.is(state.versionOf('service/s1'), 7);
  assert.equal(state.unknownOf({ streams: ['service/s0', 'service/s1', 'service/new'], appendIds: [appendId] }), {
    streams: ['service/s0', 'service/new'],
    appendIds: [appendId],
  });
});

test.run();
