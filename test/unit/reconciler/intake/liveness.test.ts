import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createLiveness } from '../../../../src/reconciler/intake/liveness.ts';
import { createVirtualTime } from '../../../support/simulation/virtual-time.ts';

const timeoutMs = 5_000;

function setUp() {
  const time = createVirtualTime();
  const liveness = createLiveness(time.clock, { timeoutMs, scheduler: time.scheduler });
  const silent: string[] = [];
  liveness.silences$.subscribe((node) => silent.push(node));
  return { time, liveness, silent };
}

const test = suite('liveness');

test('a node that beats is never silent', () => {
  const { time, liveness, silent } = setUp();
  liveness.watch('worker-1', 7);
  for (let second = 0; second < 60; second += 1) {
    time.advance(1_000);
    assert.ok(liveness.heartbeat('worker-1', 7));
  }
  assert.equal(silent, []);
  assert.is(liveness.silentMs('worker-1', 7), 0);
});

test('a node that stops beating is silent once, past the time-out', () => {
  const { time, liveness, silent } = setUp();
  liveness.watch('worker-1', 7);
  liveness.watch('worker-2', 8);
  time.advance(4_000);
  liveness.heartbeat('worker-2', 8);
  time.advance(1_000);
  assert.equal(silent, [], 'not on the time-out itself');
  time.advance(1);
  assert.equal(silent, ['worker-1']);
  assert.ok(liveness.silentMs('worker-1', 7)! > timeoutMs, 'what it says agrees with when it says so');
  time.advance(60_000);
  assert.equal(silent, ['worker-1', 'worker-2']);
});

test('a node that is watched but never beats is silent too', () => {
  const { time, liveness, silent } = setUp();
  liveness.watch('worker-1', 7);
  time.advance(timeoutMs + 1);
  assert.equal(silent, ['worker-1']);
});

test('a beat of another session proves nothing', () => {
  const { time, liveness, silent } = setUp();
  liveness.watch('worker-1', 7);
  time.advance(4_000);
  assert.not(liveness.heartbeat('worker-1', 6));
  assert.not(liveness.heartbeat('worker-1', 9));
  assert.not(liveness.heartbeat('worker-9', 1));
  time.advance(1_001);
  assert.equal(silent, ['worker-1']);
});

test('a new session begins a new grace period', () => {
  const { time, liveness, silent } = setUp();
  liveness.watch('worker-1', 7);
  time.advance(4_999);
  liveness.watch('worker-1', 12);
  time.advance(4_999);
  assert.equal(silent, []);
  assert.is(liveness.silentMs('worker-1', 7), null, 'the old session is not watched any more');
});

test('a node that beats again after its silence can fall silent again', () => {
  const { time, liveness, silent } = setUp();
  liveness.watch('worker-1', 7);
  time.advance(6_000);
  liveness.heartbeat('worker-1', 7);
  time.advance(6_000);
  assert.equal(silent, ['worker-1', 'worker-1']);
});

test('a lost node is not watched', () => {
  const { time, liveness, silent } = setUp();
  liveness.watch('worker-1', 7);
  liveness.unwatch('worker-1');
  time.advance(60_000);
  assert.equal(silent, []);
  assert.not(liveness.heartbeat('worker-1', 7));
});

test('grace begins every silence anew', () => {
  const { time, liveness, silent } = setUp();
  liveness.watch('worker-1', 7);
  liveness.watch('worker-2', 8);
  time.advance(4_999);
  liveness.grace();
  time.advance(timeoutMs);
  assert.equal(silent, []);
  time.advance(1);
  assert.equal(silent, ['worker-1', 'worker-2']);
});

test('grace is no beat: what was really heard stays as long ago, and nothing in a new session', () => {
  const { time, liveness } = setUp();
  liveness.watch('worker-1', 7);
  assert.is(liveness.sinceHeartbeatMs('worker-1', 7), null, 'watched is not heard');
  liveness.heartbeat('worker-1', 7);
  time.advance(4_000);
  liveness.grace();
  liveness.watch('worker-1', 7);
  assert.is(liveness.silentMs('worker-1', 7), 0);
  assert.is(liveness.sinceHeartbeatMs('worker-1', 7), 4_000);
  liveness.watch('worker-1', 9);
  assert.is(liveness.sinceHeartbeatMs('worker-1', 9), null);
});

test.run();
