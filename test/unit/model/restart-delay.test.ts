import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { restartDelayMs } from '../../../src/model/restart-delay.ts';

const test = suite('restart policy');

test('the first failure is replaced at once', () => {
  assert.is(restartDelayMs(0, 'web.1-a'), 0);
  assert.is(restartDelayMs(1, 'web.1-a'), 0);
});

test('each failure after that waits twice as long, up to a minute, less a fifth at most', () => {
  for (const [failures, fullMs] of [
    [2, 1_000],
    [3, 2_000],
    [4, 4_000],
    [8, 60_000],
    [1_000, 60_000],
  ] as const) {
    for (const seed of ['web.1-a', 'web.2-b', 'db.1-zz']) {
      const delayMs = restartDelayMs(failures, seed);
      assert.ok(delayMs <= fullMs && delayMs >= fullMs * 0.8, `${failures} failures of ${seed}: ${delayMs} ms`);
    }
  }
});

test('the same run waits the same time in every replay, others do not', () => {
  assert.is(restartDelayMs(9, 'web.1-a'), restartDelayMs(9, 'web.1-a'));
  const delays = new Set(Array.from({ length: 20 }, (_, slot) => restartDelayMs(9, `web.${slot}-a`)));
  assert.ok(delays.size > 10);
});

test.run();
