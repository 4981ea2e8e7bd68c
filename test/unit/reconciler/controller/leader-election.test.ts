/** When a follower stands for election, on a clock of the test's own. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventLog } from '../../../../src/events/log/event-log.ts';
import { silentLogger } from '../../../../src/logger.ts';
import type { Projector } from '../../../../src/projections/live/projector.ts';
import { emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { createLeadership } from '../../../../src/reconciler/controller/leader-election.ts';
import { until } from '../../../support/wait.ts';

const test = suite('leader');

async function withFollower(
  play: (follower: { pass: (ms: number) => Promise<void>; stands: () => number }) => Promise<void>,
) {
  const view = emptyClusterView();
  view.controller = { term: 1, controllerId: 'other', resigned: false, version: 1 };
  let nowMs = 0;
  let looks = 0;
  let stands = 0;
  const clock = {
    monotonicMs() {
      looks += 1;
      return nowMs;
    },
  };
  const append = (async () => {
    stands += 1;
    return { first: 1, last: 1, at: view.at, repeated: false };
  }) satisfies EventLog['append'];
  const projector = { view, onFolded: () => () => {}, problem: () => null } as unknown as Projector;
  const options = { controllerId: 'self', isSoleWriter: false, onElected() {}, onDeposed() {} };
  const leadership = createLeadership({ log: { append }, projector, clock, logger: silentLogger }, options);
  leadership.start();
  const pass = async (ms: number) => {
    nowMs += ms;
    const known = looks;
    await until('a check', () => looks > known);
  };
  await play({ pass, stands: () => stands }).finally(leadership.resign);
}

test('a follower that reads nothing of the leader stands when the lease is over', () =>
  withFollower(async ({ pass, stands }) => {
    for (const ms of [1_000, 1_000, 900]) await pass(ms);
    assert.is(stands(), 0);
    await pass(200);
    await until('the candidacy', () => stands() === 1);
  }));

test('a follower that stood still itself waits a whole lease before it stands', () =>
  withFollower(async ({ pass, stands }) => {
    await pass(60_000);
    for (const ms of [1_000, 1_000, 900]) await pass(ms);
    assert.is(stands(), 0, 'the leader may have written all the while');
    await pass(200);
    await until('the candidacy', () => stands() === 1);
  }));

test.run();
