/** The density of a history: everything is counted once, in its time, and a long history takes no more buckets. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventLog } from '../../../../src/events/log/event-log.ts';
import type { LogEvent } from '../../../../src/events/schema/event.ts';
import { bucketsMax, createDensity } from '../../../../src/history/density/density.ts';

const test = suite('density');

const startMs = Date.UTC(2026, 0, 1);
const event = (position: number, afterMs: number, type = 'ContainerRunning', data: object = {}) =>
  ({ position, type, data, at: new Date(startMs + afterMs).toISOString() }) as LogEvent;

/** A log whose pages have `pageSize` facts, however many are asked for. */
function logOf(events: LogEvent[], pageSize = 1000) {
  let reads = 0;
  const read: EventLog['read'] = async ({ after = 0 }) => {
    reads += 1;
    const found = events.filter(({ position }) => position > after).slice(0, pageSize);
    const head = events.at(-1)?.position ?? 0;
    const last = found.at(-1)?.position ?? head;
    return { events: found, next: last < head ? last : null, head, pruned: [] };
  };
  return { log: { read }, reads: () => reads };
}

const frozen = { monotonicMs: () => 0 };

test('facts are counted where they happened, by kind; a request that changed nothing is no change', async () => {
  const { log } = logOf([
    event(1, 0, 'ServiceRequested', { changed: true }),
    event(2, 10, 'ServiceRequested', { changed: false }),
    event(5, 900, 'ServiceScaled'),
    event(6, 5_000, 'ContainerFailed'),
    event(7, 5_100, 'NodeLost'),
  ]);
  assert.equal(await createDensity({ log, clock: frozen })(), {
    bucketMs: 1_000,
    buckets: [
      { at: '2026-01-01T00:00:00.000Z', position: 1, facts: 3, changes: 2, failures: 0, losses: 0 },
      { at: '2026-01-01T00:00:05.000Z', position: 6, facts: 2, changes: 0, failures: 1, losses: 1 },
    ],
    through: 7,
    head: 7,
  });
});

test('an empty log has none', async () => {
  const { log } = logOf([]);
  assert.equal(await createDensity({ log, clock: frozen })(), { bucketMs: 1_000, buckets: [], through: 0, head: 0 });
});

test('a history of years fits into as many buckets, and nothing of it is lost', async () => {
  const day = 86_400_000;
  const events = Array.from({ length: 3_000 }, (_, index) => event(index + 1, index * day));
  const { buckets, bucketMs } = await createDensity({ log: logOf(events).log, clock: frozen })();
  assert.ok(buckets.length <= bucketsMax, `${buckets.length}`);
  assert.ok(bucketMs * bucketsMax >= 3_000 * day - day);
  assert.is(
    buckets.reduce((sum, { facts }) => sum + facts, 0),
    3_000,
  );
  assert.equal(
    buckets.map(({ position }) => position),
    buckets.map(({ position }) => position).toSorted((a, b) => a - b),
  );
});

test('what is counted is not read again, and what is new is', async () => {
  const events = [event(1, 0), event(2, 1)];
  const { log, reads } = logOf(events);
  const density = createDensity({ log, clock: frozen });
  await density();
  assert.is(reads(), 1);
  events.push(event(3, 2_000));
  const { buckets } = await density();
  assert.is(reads(), 2);
  assert.equal(
    buckets.map(({ facts }) => facts),
    [2, 1],
  );
});

test('a call counts for a quarter of a second and says how far it came; the next goes on', async () => {
  let nowMs = 0;
  const clock = { monotonicMs: () => (nowMs += 100) };
  const events = Array.from({ length: 10 }, (_, index) => event(index + 1, index));
  const density = createDensity({ log: logOf(events, 1).log, clock });
  const first = await density();
  assert.ok(first.through < first.head, `${first.through}`);
  let last = first;
  for (let calls = 0; last.through < last.head && calls < 10; calls += 1) last = await density();
  assert.equal([last.through, last.buckets.map(({ facts }) => facts)], [10, [10]]);
});

test('callers at the same time share a count', async () => {
  const { log, reads } = logOf([event(1, 0)]);
  const density = createDensity({ log, clock: frozen });
  const [a, b] = await Promise.all([density(), density()]);
  assert.equal([a, reads()], [b, 1]);
});

test('a clock that was corrected to before the beginning is counted at the beginning', async () => {
  const { buckets } = await createDensity({ log: logOf([event(1, 0), event(2, -9_000)]).log, clock: frozen })();
  assert.equal(
    buckets.map(({ facts }) => facts),
    [2],
  );
});

test.run();
