/** The flattened table says what the state machine says, in every state and along every walk; ranks only rise. */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createActor, transition } from 'xstate';
import { type ContainerState, containerRanks, containerStates, isTerminal } from '../../../src/model/container.ts';
import {
  type ContainerFact,
  containerMachine,
  isProgress,
  nextContainerState,
} from '../../../src/model/container-machine.ts';

/** An object, so that a fact that is missing here does not compile. */
const facts = Object.keys({
  ContainerStarting: null,
  ContainerRunning: null,
  ContainerStopRequested: null,
  ContainerStopped: null,
  ContainerFailed: null,
  ContainerCompleted: null,
} satisfies Record<ContainerFact, null>) as ContainerFact[];

/** Also words that no container's state ever answers to. */
const unknown = [
  'ContainerQueued',
  'NodeLost',
  '',
  'toString',
  '__proto__',
  '*',
  'xstate.init',
  'xstate.done.state.container',
];
const words = [...facts, ...unknown];

/** What XState makes of a fact in a state; null: it stays where it is. */
function nextByMachine(state: ContainerState, fact: string): ContainerState | null {
  const snapshot = containerMachine.resolveState({ value: state });
  const [next] = transition(containerMachine, snapshot, { type: fact as ContainerFact });
  return next.value === state ? null : (next.value as ContainerState);
}

const test = suite('container machine');

test('the machine has the states that have a rank, and no other', () => {
  assert.equal(Object.keys(containerMachine.states).toSorted(), containerStates.toSorted());
  assert.is(createActor(containerMachine).getSnapshot().value, 'in queue');
});

test('table and machine agree on every fact in every state', () => {
  let legal = 0;
  for (const state of containerStates) {
    for (const word of words) {
      const next = nextContainerState(state, word);
      assert.is(next, nextByMachine(state, word), `${word} in ${state}`);
      if (next !== null) legal += 1;
    }
  }
  assert.is(legal, 15);
});

test('table and machine agree along every walk, and the walk only climbs', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...words), { maxLength: 30 }), (walk) => {
      const actor = createActor(containerMachine).start();
      let state: ContainerState = 'in queue';
      for (const word of walk) {
        actor.send({ type: word as ContainerFact });
        const next = nextContainerState(state, word);
        if (next !== null) assert.ok(containerRanks[next] > containerRanks[state], `${state} → ${next}`);
        state = next ?? state;
        assert.is(actor.getSnapshot().value, state);
        assert.is(actor.getSnapshot().status === 'done', isTerminal(state));
      }
    }),
    { numRuns: 500 },
  );
});

test('the way of a container that is wanted, asked to stop, and stops', () => {
  const way = ['ContainerStarting', 'ContainerRunning', 'ContainerStopRequested', 'ContainerStopped'];
  const states: (ContainerState | null)[] = ['in queue'];
  for (const fact of way) states.push(nextContainerState(states.at(-1)!, fact));
  assert.equal(states, ['in queue', 'starting', 'running', 'stopping', 'stopped']);
});

test('lost reports in between do not keep later ones from counting', () => {
  assert.is(nextContainerState('in queue', 'ContainerRunning'), 'running');
  assert.is(nextContainerState('in queue', 'ContainerCompleted'), 'completed');
  assert.is(nextContainerState('starting', 'ContainerFailed'), 'failed');
});

test('nobody is stopped who was not asked to', () => {
  for (const state of ['in queue', 'starting', 'running'] as const) {
    assert.is(nextContainerState(state, 'ContainerStopped'), null);
  }
});

test('what has ended accepts nothing', () => {
  const terminal = containerStates.filter(isTerminal);
  assert.equal(terminal, ['completed', 'stopped', 'failed']);
  for (const state of terminal) {
    for (const word of words) {
      assert.is(nextContainerState(state, word), null, `${word} in ${state}`);
      assert.not(isProgress(state, word));
    }
  }
});

test('every state that has not ended can still end, and leads on', () => {
  for (const state of containerStates.filter((name) => !isTerminal(name))) {
    assert.is(nextContainerState(state, 'ContainerFailed'), 'failed');
    assert.is(nextContainerState(state, 'ContainerCompleted'), 'completed');
  }
});

test('a fact is progress exactly when the machine accepts it: what is late or repeated is not', () => {
  for (const state of containerStates) {
    for (const word of words) assert.is(isProgress(state, word), nextContainerState(state, word) !== null);
  }
  assert.ok(isProgress('starting', 'ContainerRunning'));
  assert.not(isProgress('running', 'ContainerRunning'), 'repeated');
  assert.not(isProgress('running', 'ContainerStarting'), 'late');
});

test.run();
