/** When a follower stands for election and when a leader steps down, on a clock of the test's own. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventLog } from '../../../../src/events/log/event-log.ts';
import type { LogEvent } from '../../../../src/events/schema/event.ts';
import { silentLogger } from '../../../../src/logger.ts';
import type { Projector } from '../../../../src/projections/live/projector.ts';
import { emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { createLeadership } from '../../../../src/reconciler/controller/leader-election.ts';
import { until } from '../../../support/wait.ts';

const test = suite('leader');

type Scene = {
  pass: (ms: number) => Promise<void>;
  /** What it appended: the types, with the reason of a resignation. */
  appended: string[];
  broker: { isReachable: boolean };
  /** Folds that this manager was elected. */
  elect: () => void;
  term: () => number | null;
};

async function withManager(play: (scene: Scene) => Promise<void>) {
  const view = emptyClusterView();
  view.controller = { term: 1, controllerId: 'other', resigned: false, version: 1 };
  const broker = { isReachable: true };
  const appended: string[] = [];
  let fold: (events: LogEvent[]) => void = () => {};
  let nowMs = 0;
  let looks = 0;
  const clock = {
    monotonicMs() {
      looks += 1;
      return nowMs;
    },
  };
  const append = (async ([event]) => {
    const { type, data } = event!;
    appended.push('reason' in data ? `${type}: ${data.reason}` : type);
    return { first: 1, last: 1, at: view.at, repeated: false };
  }) satisfies EventLog['append'];
  const onFolded = (listener: typeof fold) => {
    fold = listener;
    return () => {};
  };
  const projector = { view, onFolded, problem: () => null } as unknown as Projector;
  const leadership = createLeadership(
    { log: { append }, projector, clock, logger: silentLogger },
    {
      ...{ controllerId: 'self', isSoleWriter: false, onElected() {}, onDeposed() {} },
      hasBroker: () => broker.isReachable,
    },
  );
  leadership.start();
  const scene: Scene = {
    async pass(ms) {
      nowMs += ms;
      const known = looks;
      await until('a check', () => looks > known);
    },
    elect() {
      view.controller = { term: 2, controllerId: 'self', resigned: false, version: 2 };
      fold([{ type: 'ControllerElected', data: { term: 2, controllerId: 'self' }, meta: { term: 2 } } as LogEvent]);
    },
    ...{ appended, broker, term: leadership.term },
  };
  await play(scene).finally(leadership.resign);
}

test('a follower that reads nothing of the leader stands when the lease is over', () =>
  withManager(async ({ pass, appended }) => {
    for (const ms of [1_000, 1_000, 900]) await pass(ms);
    assert.equal(appended, []);
    await pass(200);
    await until('the candidacy', () => appended.length === 1);
  }));

test('a follower that stood still itself waits a whole lease before it stands', () =>
  withManager(async ({ pass, appended }) => {
    await pass(60_000);
    for (const ms of [1_000, 1_000, 900]) await pass(ms);
    assert.equal(appended, [], 'the leader may have written all the while');
    await pass(200);
    await until('the candidacy', () => appended.length === 1);
  }));

test('a follower without its broker does not stand, and stands when it is back', () =>
  withManager(async ({ pass, appended, broker }) => {
    broker.isReachable = false;
    for (let seconds = 0; seconds < 10; seconds += 1) await pass(1_000);
    assert.equal(appended, []);
    broker.isReachable = true;
    await pass(100);
    await until('the candidacy', () => appended.length === 1);
    assert.equal(appended, ['ControllerElected']);
  }));

test('a leader without its broker for 5 s steps down, says why, and does not stand again', () =>
  withManager(async ({ pass, appended, broker, elect, term }) => {
    elect();
    await pass(1_000);
    broker.isReachable = false;
    for (let seconds = 0; seconds < 4; seconds += 1) await pass(1_000);
    assert.equal([appended, term()], [[], 2]);
    await pass(1_000);
    await until('the resignation', () => appended.length === 1);
    for (let seconds = 0; seconds < 10; seconds += 1) await pass(1_000);
    assert.equal([appended, term()], [['ControllerResigned: no broker'], null]);
  }));

test('a leader whose broker is away for less goes on', () =>
  withManager(async ({ pass, appended, broker, elect, term }) => {
    elect();
    for (let round = 0; round < 3; round += 1) {
      broker.isReachable = false;
      for (let seconds = 0; seconds < 4; seconds += 1) await pass(1_000);
      broker.isReachable = true;
      await pass(1_000);
    }
    assert.equal([appended, term()], [[], 2]);
  }));

test.run();
