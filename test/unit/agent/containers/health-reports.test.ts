/** What a container that is paused on its engine counts as, by the grace of its spec. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { probeHealth } from '../../../../src/agent/containers/health-prober.ts';
import { createPauses } from '../../../../src/agent/containers/health-reports.ts';
import type { EngineHealth } from '../../../../src/agent/engine/engine.ts';
import { systemClock } from '../../../../src/clock.ts';
import { until } from '../../../support/wait.ts';

const test = suite('paused containers');

function open() {
  const noted: EngineHealth[] = [];
  const looks: number[] = [];
  let nowMs = 5_000;
  const pauses = createPauses({
    health: { note: (health) => noted.push(health), forget() {} },
    clock: { monotonicMs: () => nowMs },
    lookAfter: (ms) => looks.push(ms),
  });
  return { pauses, noted, looks, wait: (ms: number) => (nowMs += ms) };
}

for (const [graceSeconds, seconds] of [
  [undefined, 10],
  [1, 1],
  [3600, 3600],
] as const) {
  test(`with a grace of ${graceSeconds ?? 'nothing said'} it is unhealthy after ${seconds} s, and healthy when it goes on`, () => {
    const { pauses, noted, looks, wait } = open();
    assert.ok(pauses.note(true, graceSeconds));
    assert.equal([looks, noted], [[seconds * 1000], []]);
    wait(seconds * 1000 - 1);
    pauses.note(true, graceSeconds);
    assert.equal([looks.at(-1), noted], [1, []]);
    wait(1);
    pauses.note(true, graceSeconds);
    assert.equal(noted, [{ status: 'unhealthy', output: `it has been paused on its engine for ${seconds} s` }]);
    assert.not(pauses.note(false, graceSeconds));
    assert.is(noted.at(-1)?.status, 'healthy');
  });
}

test('with null it may be paused for ever, and nobody looks again', () => {
  const { pauses, noted, looks, wait } = open();
  for (let day = 1; day <= 3; day += 1) {
    assert.ok(pauses.note(true, null));
    wait(86_400_000);
  }
  assert.ok(pauses.isPaused());
  assert.not(pauses.note(false, null));
  assert.equal([noted, looks, pauses.isPaused()], [[], [], false]);
});

test('the probes of one that is paused do not count: it cannot answer', async () => {
  const ends = new AbortController();
  const changes: EngineHealth['status'][] = [];
  let isPaused = true;
  let probes = 0;
  const prober = {
    async probe() {
      probes += 1;
      return { isHealthy: false, output: 'no answer' };
    },
    isPaused: () => isPaused,
    onChange: ({ status }: EngineHealth) => changes.push(status),
  };
  const times = { intervalSeconds: 0.01, timeoutSeconds: 1, retries: 3, startPeriodSeconds: 0 };
  const probing = probeHealth(prober, { kind: 'tcp', port: 80, ...times }, { clock: systemClock, signal: ends.signal });
  await until('ten probes', () => probes >= 10);
  assert.equal(changes, []);
  isPaused = false;
  await until('a verdict', () => changes.length > 0);
  assert.equal(changes, ['unhealthy']);
  ends.abort();
  await probing.catch(() => {});
});

test.run();
