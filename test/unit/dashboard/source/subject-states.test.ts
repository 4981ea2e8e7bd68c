/** The states that a subject went through, as the page reads them from facts. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readStates, visitsOf } from '../../../../src/dashboard/source/subject-states.ts';
import type { LogEvent } from '../../../../src/events/schema/event.ts';
import { toLogEvents } from '../../../../src/events/schema/upcast.ts';
import { emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { readGolden } from '../../../golden/golden-file.ts';
import { createHistory } from '../../../support/log/history.ts';
import { assertStatesFollow } from '../../../support/simulation/state-rules.ts';

const test = suite('the states of a subject');

test('in the example history its own facts say the same as all facts, and no step leaves the charts', () => {
  const events: readonly LogEvent[] = readGolden().flatMap(({ position, at, event }) => {
    const commit = { slot: position, first: position, count: 1, at, class: 'fact' as const, writer: 'test' };
    return toLogEvents({ ...commit, commitId: 'c', appends: [], bodyHash: '', hash: '', events: [event] });
  });
  assertStatesFollow(events, 'in the example history');
});

test('the way of a container is read from its facts; what is no step is passed over', () => {
  const at = '2026-01-01T00:00:00.000Z';
  const facts = ['ContainerQueued', 'ContainerStarting', 'ContainerRunning', 'ContainerHealthy', 'ContainerFailed'].map(
    (type, index) => ({ type, at, position: index + 1 }) as LogEvent,
  );
  assert.equal(
    visitsOf(facts).map(({ state, position }) => [state, position]),
    [
      ['in queue', 1],
      ['starting', 2],
      ['running', 3],
      ['failed', 5],
    ],
  );
});

test('later facts go on where the reading stands; known ones, and those of others, change nothing', () => {
  const history = createHistory();
  history.node('worker-1');
  history.node('worker-2');
  history.wait(5);
  const reader = readStates(emptyClusterView(), { kind: 'node', id: 'worker-1' });
  assert.ok(reader.fold(history.events));
  assert.not(reader.fold(history.events));
  history.add('NodeCordoned', { node: 'worker-2' });
  assert.not(reader.fold(history.events));
  history.add('NodeDrainRequested', { node: 'worker-1' });
  history.add('NodeLost', { node: 'worker-1', session: 1, lastHeardAt: null, silentMs: 5_001 });
  assert.ok(reader.fold(history.events));
  history.add('NodeRemoved', { node: 'worker-1' });
  assert.ok(reader.fold(history.events));
  const { reach, availability } = reader.tracks();
  assert.equal(
    reach?.map(({ state, position }) => [state, position]),
    [
      ['ready', 1],
      ['lost', 5],
      ['removed', 6],
    ],
  );
  assert.equal(
    availability?.map(({ state }) => state),
    ['active', 'draining'],
  );
});

test.run();
