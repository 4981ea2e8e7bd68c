/** A manager whose wall clock is behind the log raises an alarm once, and clears it when the clock is right again. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { alarmNames } from '../../../../src/model/alarm.ts';
import { planClock } from '../../../../src/reconciler/planner/plan-clock.ts';
import { clusterOf } from '../../../support/simulation/given-cluster.ts';

const test = suite('planning the alarm about the clock');

test('a clock 5 s behind is tolerated, one further behind is an alarm, recorded once and cleared', () => {
  const cluster = clusterOf(1);
  const headMs = Date.parse(cluster.view.at);
  assert.equal(planClock(cluster.view, headMs - 5_000), []);
  const [raised] = planClock(cluster.view, headMs - 7_400);
  assert.is(raised!.event.type, 'AlarmRaised');
  assert.equal(raised!.event.data, {
    alarm: alarmNames.clockBehind,
    subject: '',
    message:
      "this manager's clock is 7 s behind the log's last commit; if this clock is right, start one manager with --accept-clock now",
  });
  assert.ok(cluster.write([raised!.event]));
  assert.equal(planClock(cluster.view, headMs - 7_400), [], 'it is active already');
  const [cleared] = planClock(cluster.view, headMs);
  assert.is(cleared!.event.type, 'AlarmCleared');
  assert.ok(cluster.write([cleared!.event]));
  assert.equal(planClock(cluster.view, headMs), []);
});

test.run();
