/** The life of a container: the legal transitions as a list, and that the derived tables say what the machine says. */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createActor, initialTransition, SimulatedClock, transition } from 'xstate';
import { type ContainerState, containerStates, queueTimeoutMsDefault } from '../../../src/model/container.ts';
import {
  type ContainerFact,
  type ContainerInput,
  containerMachine,
  isTerminal,
  nextContainerState,
  nextHealth,
  nextOnInput,
  rankOf,
  timeOutOf,
} from '../../../src/model/container-machine.ts';
import { healths } from '../../../src/model/health.ts';

const test = suite('container machine');

/** State, fact, state after it: all there are. */
const legal: [ContainerState, ContainerFact, ContainerState][] = [
  ['in queue', 'ContainerStarting', 'starting'],
  ['in queue', 'ContainerRunning', 'running'],
  ['in queue', 'ContainerStopRequested', 'stopping'],
  ['in queue', 'ContainerFailed', 'failed'],
  ['in queue', 'ContainerCompleted', 'completed'],
  ['starting', 'ContainerRunning', 'running'],
  ['starting', 'ContainerStopRequested', 'stopping'],
  ['starting', 'ContainerFailed', 'failed'],
  ['starting', 'ContainerCompleted', 'completed'],
  ['running', 'ContainerStopRequested', 'stopping'],
  ['running', 'ContainerFailed', 'failed'],
  ['running', 'ContainerCompleted', 'completed'],
  ['stopping', 'ContainerStopped', 'stopped'],
  ['stopping', 'ContainerFailed', 'failed'],
  ['stopping', 'ContainerCompleted', 'completed'],
];

/** An object, so that one that is missing here does not compile. */
const facts = Object.keys({
  ContainerStarting: null,
  ContainerRunning: null,
  ContainerStopRequested: null,
  ContainerStopped: null,
  ContainerFailed: null,
  ContainerCompleted: null,
} satisfies Record<ContainerFact, null>) as ContainerFact[];

const inputs = Object.keys({
  'report.starting': null,
  'report.running': null,
  'report.healthy': null,
  'report.unhealthy': null,
  'report.completed': null,
  'report.failed': null,
  'report.stopped': null,
  'stop.requested': null,
  'node.lost': null,
} satisfies Record<ContainerInput['type'], null>) as ContainerInput['type'][];

/** Also words that are no fact of a container. */
const words = [...facts, 'ContainerQueued', 'NodeLost', '', 'toString', '__proto__', '*', 'xstate.init'];

test('the legal transitions are these and no other', () => {
  const found = containerStates.flatMap((state) =>
    words.flatMap((word) => {
      const next = nextContainerState(state, word);
      return next === null ? [] : [[state, word, next]];
    }),
  );
  assert.equal(found.toSorted(), legal.toSorted());
});

test('the machine has seven states, begins in the queue, and none is lost', () => {
  assert.equal(Object.keys(containerMachine.states).toSorted(), [...containerStates].toSorted());
  assert.is(containerStates.length, 7);
  assert.is(initialTransition(containerMachine)[0].value, 'in queue');
});

test('the table of inputs and the machine agree along every walk, and the walk only climbs', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...inputs), { maxLength: 30 }), (walk) => {
      let [snapshot] = initialTransition(containerMachine);
      let state: ContainerState = 'in queue';
      for (const type of walk) {
        [snapshot] = transition(containerMachine, snapshot, { type });
        const next = nextOnInput(state, type);
        if (next !== null) assert.ok(rankOf(next) > rankOf(state), `${state} → ${next}`);
        state = next ?? state;
        assert.is(typeof snapshot.value === 'string' ? snapshot.value : Object.keys(snapshot.value)[0], state);
        assert.is(snapshot.status === 'done', isTerminal(state));
      }
    }),
    { numRuns: 500 },
  );
});

test('the health of a running container changes by these facts and no other', () => {
  const found = healths.flatMap((health) =>
    [...words, 'ContainerHealthy', 'ContainerUnhealthy'].flatMap((word) => {
      const next = nextHealth(health, word);
      return next === null ? [] : [[health, word, next]];
    }),
  );
  assert.equal(found, [
    ['unproven', 'ContainerHealthy', 'healthy'],
    ['unproven', 'ContainerUnhealthy', 'unhealthy'],
    ['healthy', 'ContainerUnhealthy', 'unhealthy'],
    ['unhealthy', 'ContainerHealthy', 'healthy'],
  ]);
});

test('every fact raises the rank, so one that is late or repeated is never legal', () => {
  for (const [state, , next] of legal) assert.ok(rankOf(next) > rankOf(state), `${state} → ${next}`);
  assert.equal(containerStates.map(rankOf), [0, 1, 2, 3, 4, 4, 4]);
});

test('one that stopped without being asked to has failed', () => {
  for (const state of ['in queue', 'starting', 'running'] as const) {
    assert.is(nextOnInput(state, 'report.stopped'), 'failed');
  }
  assert.is(nextOnInput('stopping', 'report.stopped'), 'stopped');
});

test('what has ended accepts nothing', () => {
  assert.equal(containerStates.filter(isTerminal), ['completed', 'stopped', 'failed']);
  for (const state of containerStates.filter(isTerminal)) {
    for (const input of inputs) assert.is(nextOnInput(state, input), null, `${input} in ${state}`);
  }
});

test('a lost node ends a container in every state', () => {
  for (const state of containerStates.filter((name) => !isTerminal(name))) {
    assert.is(nextOnInput(state, 'node.lost'), 'failed');
  }
});

test('only the queue has a time-out, and it is the one the machine leaves it by', () => {
  assert.equal(
    containerStates.filter((state) => timeOutOf(state) !== null),
    ['in queue'],
  );
  assert.is(timeOutOf('in queue'), 'queueTimeout');
  const clock = new SimulatedClock();
  const actor = createActor(containerMachine, { clock }).start();
  clock.increment(queueTimeoutMsDefault - 1);
  assert.is(actor.getSnapshot().value, 'in queue');
  clock.increment(1);
  assert.is(actor.getSnapshot().value, 'failed');
});

test.run();
