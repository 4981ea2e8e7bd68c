/** Between times and positions. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lastNotAfter, positionNear } from '../../../../src/dashboard/source/time-line.ts';
import type { LogEvent } from '../../../../src/events/schema/event.ts';

const test = suite('times and positions');

const atOf = (seconds: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString();
const none = { facts: 1, changes: 0, failures: 0, losses: 0 };
const density = {
  bucketMs: 1_000,
  buckets: [
    { at: atOf(0), position: 1, ...none },
    { at: atOf(10), position: 11, ...none },
  ],
  through: 20,
  head: 20,
};

for (const [what, seconds, position] of [
  ['before the history', -5, 0],
  ['at its beginning', 0, 1],
  ['within a bucket', 0.5, 6],
  ['long after a bucket, before the next', 9, 11],
  ['at the next bucket', 10, 11],
  ['at the end', 11, 20],
  ['after the end', 99, 20],
] as const) {
  test(`${what} it is near position ${position}`, () => {
    assert.is(positionNear(density, Date.parse(atOf(0)) + seconds * 1_000), position);
  });
}

test('the last fact not later than a time is found, or none', () => {
  const facts = [1, 2, 2, 5].map((seconds, index) => ({ at: atOf(seconds), position: index + 1 }) as LogEvent);
  assert.is(lastNotAfter(facts, Date.parse(atOf(2)))?.position, 3);
  assert.is(lastNotAfter(facts, Date.parse(atOf(4)))?.position, 3);
  assert.is(lastNotAfter(facts, Date.parse(atOf(0))), null);
});

test.run();
