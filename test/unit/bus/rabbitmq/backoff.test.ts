/** The pauses between attempts to connect: growing, bounded, random, and short again after a healthy time. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createBackoff } from '../../../../src/bus/rabbitmq/backoff.ts';

const test = suite('backoff');

const open = (random: () => number) => {
  let nowMs = 0;
  const backoff = createBackoff({ clock: { monotonicMs: () => nowMs }, healthyAfterMs: 5_000, random });
  return {
    backoff,
    /** An attempt that lasts this long. */
    fail(lastsMs: number) {
      backoff.begin();
      nowMs += lastsMs;
      return backoff.pauseMs();
    },
  };
};

test('each failure doubles the pause, up to five seconds', () => {
  const { fail } = open(() => 1);
  const pauses = Array.from({ length: 9 }, () => fail(10));
  assert.equal(pauses, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
  for (let failures = 0; failures < 2_000; failures += 1) assert.is(fail(10), 5_000);
});

test('a pause is between half of its length and all of it', () => {
  const draws = [0, 0.5, 1];
  const { fail } = open(() => draws.shift() ?? 0);
  assert.equal([fail(10), fail(10), fail(10)], [50, 150, 400]);
});

test('after a connection that lasted, the first pause is the shortest again', () => {
  const { fail } = open(() => 1);
  for (let failures = 0; failures < 5; failures += 1) fail(10);
  assert.is(fail(5_000), 3_200, 'five seconds are not yet healthy');
  assert.is(fail(5_001), 100);
  assert.is(fail(10), 200);
});

test('after a reset the next failure is the first', () => {
  const { backoff, fail } = open(() => 1);
  for (let failures = 0; failures < 5; failures += 1) fail(10);
  backoff.reset();
  assert.is(fail(10), 100);
});

test.run();
