/** When a change has come to what was asked for, and when it never will. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { judge } from '../../../../src/cli/sources/convergence.ts';
import type { ServiceRow } from '../../../../src/projections/rows/service-row.ts';

const test = suite('convergence');

const rowOf = (members: Partial<ServiceRow>) =>
  ({ mode: 'replicated', generation: 2, status: 'progressing', reason: 'why', ...members }) as ServiceRow;
const wanted = { service: 'web', generation: 2, position: 10 };
const gone = { service: 'web', generation: null, position: 10 };
const now = { position: 10, statusForMs: 0 };
const kindOf = (members: Partial<ServiceRow>, statusForMs = 0) =>
  judge(wanted, rowOf(members), { ...now, statusForMs }).kind;

test('an answer from before the change counts for nothing', () => {
  assert.is(judge(wanted, rowOf({ status: 'converged' }), { ...now, position: 9 }).kind, 'waiting');
  assert.is(judge(gone, null, { ...now, position: 9 }).kind, 'waiting');
});

test('converged and completed are the end of it', () => {
  assert.is(kindOf({ status: 'converged' }), 'reached');
  assert.is(kindOf({ status: 'completed', mode: 'job' }), 'reached');
  assert.is(kindOf({ status: 'progressing' }, 3_600_000), 'waiting');
});

test('what waits for a person has failed at once, what may pass has a while', () => {
  assert.equal(judge(wanted, rowOf({ status: 'paused' }), now), { kind: 'failed', reason: 'why' });
  assert.is(kindOf({ status: 'degraded', mode: 'job' }), 'failed');
  assert.equal(
    [0, 14_999, 15_000].map((ms) => kindOf({ status: 'blocked' }, ms)),
    ['waiting', 'waiting', 'failed'],
  );
  assert.equal(
    [0, 59_999, 60_000].map((ms) => kindOf({ status: 'degraded' }, ms)),
    ['waiting', 'waiting', 'failed'],
  );
});

test('a status that waits for nobody says when it is a failure', () => {
  const stuckAfterMs = (status: ServiceRow['status']) => {
    const verdict = judge(wanted, rowOf({ status }), now);
    return verdict.kind === 'waiting' ? verdict.stuckAfterMs : verdict.kind;
  };
  assert.equal((['progressing', 'blocked', 'degraded', 'paused'] as const).map(stuckAfterMs), [
    ...[null, 15_000, 60_000, 'failed'],
  ]);
});

test('another change in between is named', () => {
  assert.equal(judge(wanted, rowOf({ generation: 3, status: 'converged' }), now), {
    kind: 'failed',
    reason: 'generation 2 was replaced by generation 3',
  });
  assert.is(judge(wanted, null, now).kind, 'failed');
  assert.is(kindOf({ status: 'removing' }), 'failed');
});

test('a service that is to go is gone, or is another by then', () => {
  assert.is(judge(gone, rowOf({ status: 'removing' }), now).kind, 'waiting');
  assert.is(judge(gone, null, now).kind, 'reached');
  assert.is(judge(gone, rowOf({ generation: 1 }), now).kind, 'reached');
});

test.run();
