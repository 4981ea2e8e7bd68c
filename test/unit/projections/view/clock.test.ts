/** What waits at a time that was wrong has as long to wait at the one that is right. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { createHistory } from '../../../support/log/history.ts';

const test = suite('corrected clock');
const yearMs = 365 * 86_400_000;
const later = (at: string, ms: number) => new Date(Date.parse(at) + ms).toISOString();

test('deadlines are as far away as they were, and no time is later than the correction', () => {
  const history = createHistory();
  history.node('worker-1');
  history.serviceRequested('web', 2);
  const first = history.queued('web', 1, 'worker-1');
  history.running(first);
  history.failed(first);
  history.delayed('web', 1, first, 30);
  history.queued('web', 2, 'worker-1');
  const view = emptyClusterView();
  for (const event of history.events) evolve(view, event);
  const untilMs = view.services.get('web')!.slots.get(1)!.delayedUntilMs!;
  const [queued] = view.queued;
  const deadlineMs = view.containers.get(queued!)!.queueDeadlineMs;

  const to = later(view.at, -yearMs);
  const corrected = history.add('ClockCorrected', { from: view.at, to });
  evolve(view, { ...corrected, at: to } as never);

  assert.is(view.at, to);
  assert.is(view.services.get('web')!.slots.get(1)!.delayedUntilMs, untilMs - yearMs);
  assert.is(view.containers.get(queued!)!.queueDeadlineMs, deadlineMs - yearMs);
  for (const { since, runningAt } of view.containers.values()) {
    assert.ok(since <= to && (runningAt === null || runningAt <= to));
  }
  assert.ok([...view.nodes.values()].every(({ lastHeardAt }) => lastHeardAt === null || lastHeardAt <= to));
  assert.ok(view.containers.has(first), 'an ended container is still shown');
  history.wait(3_700);
  evolve(view, { ...history.node('worker-2'), at: later(to, 3_700_000) } as never);
  assert.not(view.containers.has(first), 'and leaves an hour later');
});

test.run();
