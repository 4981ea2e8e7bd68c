/** The drawing of a container's machine says what the machine does, and nothing else. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { layOutMachine, visitsOf } from '../../../../src/dashboard/source/machine-graph.ts';
import type { LogEvent } from '../../../../src/events/schema/event.ts';
import { containerStates } from '../../../../src/model/container.ts';
import { type ContainerInput, isTerminal, nextOnInput } from '../../../../src/model/container-machine.ts';

const test = suite('the drawing of a machine');
const graph = layOutMachine();

test('every state is there once, and none lies on another', () => {
  assert.equal(graph.states.map(({ state }) => state).toSorted(), [...containerStates].toSorted());
  for (const [index, a] of graph.states.entries()) {
    for (const b of graph.states.slice(index + 1)) {
      assert.ok(Math.abs(a.x - b.x) >= a.width || Math.abs(a.y - b.y) >= a.height, `${a.state} lies on ${b.state}`);
    }
  }
});

test('each edge is a step that the machine takes, and all of them are drawn', () => {
  let drawn = 0;
  for (const { from, to, inputs, points } of graph.edges) {
    assert.ok(points.length >= 2);
    for (const input of inputs) {
      drawn += 1;
      if (input === 'queueTimeout') continue;
      assert.is(nextOnInput(from, input as ContainerInput['type']), to, `${from} on ${input}`);
    }
  }
  assert.ok(drawn > 20);
  for (const state of containerStates) {
    assert.is(
      graph.edges.some(({ from }) => from === state),
      !isTerminal(state),
      state,
    );
  }
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

test.run();
