/** Who is watched follows from facts, and every node gets a fresh grace period when none could have been heard. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { BusStatus } from '../../../../src/bus/bus.ts';
import type { Commit } from '../../../../src/events/schema/event.ts';
import { silentLogger } from '../../../../src/logger.ts';
import type { FoldListener } from '../../../../src/projections/live/projector.ts';
import { emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { nothingTouched } from '../../../../src/projections/view/touched.ts';
import { createLiveness } from '../../../../src/reconciler/intake/liveness.ts';
import { createLivenessFeed } from '../../../../src/reconciler/intake/liveness-feed.ts';
import { createHistory } from '../../../support/log/history.ts';
import { until } from '../../../support/wait.ts';

const test = suite('liveness feed');

function setUp() {
  const history = createHistory();
  history.node('worker-1');
  const view = emptyClusterView();
  let nowMs = 0;
  const clock = { monotonicMs: () => nowMs };
  const liveness = createLiveness(clock, { timeoutMs: 5_000 });
  let listener: FoldListener = () => {};
  let status: BusStatus['state'] = 'connected';
  let problem: string | null = null;
  const feed = createLivenessFeed({
    projector: {
      view,
      problem: () => problem,
      onFolded(listen) {
        listener = listen;
        return () => {};
      },
    },
    bus: { status: () => ({ state: status, description: '', trouble: null }) },
    ...{ liveness, clock, logger: silentLogger },
  });
  const fold = () => {
    const events = history.events.slice(view.position);
    const touched = nothingTouched();
    for (const event of events) evolve(view, event, touched);
    listener(events, {} as Commit, touched);
  };
  fold();
  feed.start();
  const session = () => view.nodes.get('worker-1')!.session;
  return {
    ...{ history, feed, fold, session },
    silentMs: () => liveness.silentMs('worker-1', session()),
    passTime(ms: number) {
      nowMs += ms;
    },
    setBus(state: BusStatus['state']) {
      status = state;
    },
    setTrouble(words: string | null) {
      problem = words;
    },
  };
}

test('ready nodes are watched from the start, new sessions from their fact, lost and removed ones not any more', () => {
  const { history, feed, fold, silentMs, passTime } = setUp();
  assert.is(silentMs(), 0);
  passTime(100);
  assert.is(silentMs(), 100);
  history.node('worker-1');
  fold();
  assert.is(silentMs(), 0);
  history.add('NodeLost', { node: 'worker-1', session: 1, lastHeardAt: null, silentMs: 5_001 });
  fold();
  assert.is(silentMs(), null);
  feed.close();
});

test('an election and the end of a disruption begin every silence again', () => {
  const { history, feed, fold, silentMs, passTime } = setUp();
  passTime(100);
  feed.onElected();
  assert.is(silentMs(), 0);
  passTime(100);
  history.add('HoldReleased', { reason: 'they are back' });
  fold();
  assert.is(silentMs(), 0);
  feed.close();
});

for (const [what, begin] of [
  ['the broker is away', (scene: ReturnType<typeof setUp>) => scene.setBus('connecting')],
  ['the log is away', (scene: ReturnType<typeof setUp>) => scene.setTrouble('no answer')],
  ['the process stood still', (scene: ReturnType<typeof setUp>) => scene.passTime(2_000)],
] as const) {
  test(`while ${what} nobody is silent`, async () => {
    const scene = setUp();
    scene.passTime(100);
    assert.is(scene.silentMs(), 100);
    begin(scene);
    await until('a fresh grace period', () => scene.silentMs() === 0);
    scene.feed.close();
  });
}

test.run();
