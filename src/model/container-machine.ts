/**
 * The life of a container as a statechart: its inputs are what really arrives, its delays are named. One machine, read
 * three ways: the fold takes a table derived from it, the planner asks which time-out a state has, and the agent runs its
 * own part of it (see the agent's container machine).
 *
 * ```
 * in queue ─▶ starting ─▶ running ─▶ stopping ─▶ stopped        running: unproven ─▶ healthy ⇄ unhealthy
 *    └────────────┴──────────┴──────────┴──▶ failed | completed
 * ```
 */

import { setup, transition } from 'xstate';
import { type ContainerState, containerStates, queueTimeoutMsDefault } from './container.ts';
import { type Health, healths } from './health.ts';

/** What arrives: reports of the agent, requests to stop, and that its node is not heard any more. */
export type ContainerInput =
  | { type: 'report.starting' }
  | { type: 'report.running' }
  | { type: 'report.healthy' }
  | { type: 'report.unhealthy' }
  | { type: 'report.completed' }
  | { type: 'report.failed' }
  | { type: 'report.stopped' }
  | { type: 'stop.requested' }
  | { type: 'node.lost' };

const inputTypes = Object.keys({
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

/** How a state is left when nothing arrives. The deadline itself is in the container's facts. */
export type ContainerTimeOut = 'queueTimeout';

/**
 * A report may be lost, never its consequence: each state also accepts the reports of the states after it. One that
 * stopped without being asked to was stopped by another program, so it has failed.
 */
export const containerMachine = setup({
  types: { events: {} as ContainerInput },
  // Concrete, for an undefined delay would be over at once. Who runs the machine as an actor gives its own.
  delays: { queueTimeout: queueTimeoutMsDefault } satisfies Record<ContainerTimeOut, number>,
}).createMachine({
  id: 'container',
  initial: 'in queue',
  states: {
    'in queue': {
      after: { queueTimeout: 'failed' },
      on: {
        'report.starting': 'starting',
        'report.running': 'running',
        'report.completed': 'completed',
        'report.failed': 'failed',
        'report.stopped': 'failed',
        'stop.requested': 'stopping',
        'node.lost': 'failed',
      },
    },
    starting: {
      on: {
        'report.running': 'running',
        'report.completed': 'completed',
        'report.failed': 'failed',
        'report.stopped': 'failed',
        'stop.requested': 'stopping',
        'node.lost': 'failed',
      },
    },
    running: {
      initial: 'unproven',
      states: {
        unproven: { on: { 'report.healthy': 'healthy', 'report.unhealthy': 'unhealthy' } },
        healthy: { on: { 'report.unhealthy': 'unhealthy' } },
        unhealthy: { on: { 'report.healthy': 'healthy' } },
      },
      on: {
        'report.completed': 'completed',
        'report.failed': 'failed',
        'report.stopped': 'failed',
        'stop.requested': 'stopping',
        'node.lost': 'failed',
      },
    },
    stopping: {
      on: {
        'report.completed': 'completed',
        'report.failed': 'failed',
        'report.stopped': 'stopped',
        'node.lost': 'failed',
      },
    },
    completed: { type: 'final' },
    stopped: { type: 'final' },
    failed: { type: 'final' },
  },
});

/** The facts of a container's stream after its first, ContainerQueued: each says which state it has entered. */
export type ContainerFact =
  | 'ContainerStarting'
  | 'ContainerRunning'
  | 'ContainerStopRequested'
  | 'ContainerStopped'
  | 'ContainerFailed'
  | 'ContainerCompleted';

const enteredBy: Record<ContainerFact, ContainerState> = {
  ContainerStarting: 'starting',
  ContainerRunning: 'running',
  ContainerStopRequested: 'stopping',
  ContainerStopped: 'stopped',
  ContainerFailed: 'failed',
  ContainerCompleted: 'completed',
};

/** The facts about the health of a running container. */
export type HealthFact = 'ContainerHealthy' | 'ContainerUnhealthy';

const healthEnteredBy: Record<HealthFact, Health> = { ContainerHealthy: 'healthy', ContainerUnhealthy: 'unhealthy' };

type Table = ReadonlyMap<ContainerState, ReadonlyMap<ContainerInput['type'], ContainerState>>;

/** The name of the state, whatever its substate. */
const topOf = (value: string | object): string => (typeof value === 'string' ? value : Object.keys(value)[0]!);

/** Asked of the machine once: a fold of millions of events cannot afford a `transition` of 20 µs each. */
const nextByInput: Table = new Map(
  containerStates.map((state) => {
    const snapshot = containerMachine.resolveState({ value: state });
    const next = inputTypes.map(
      (type) => [type, topOf(transition(containerMachine, snapshot, { type })[0].value)] as const,
    );
    return [state, new Map(next.filter(([, value]) => value !== state) as [ContainerInput['type'], ContainerState][])];
  }),
);

const nextByFact: ReadonlyMap<ContainerState, ReadonlyMap<string, ContainerState>> = new Map(
  [...nextByInput].map(([state, next]) => {
    const reachable = new Set(next.values());
    const legal = Object.entries(enteredBy).filter(([, entered]) => reachable.has(entered));
    return [state, new Map(legal)];
  }),
);

const healthByFact: ReadonlyMap<Health, ReadonlyMap<string, Health>> = new Map(
  healths.map((health) => {
    const { on = {} } = containerMachine.states.running!.config.states?.[health] ?? {};
    const reachable = new Set<unknown>(Object.values(on));
    return [health, new Map(Object.entries(healthEnteredBy).filter(([, entered]) => reachable.has(entered)))];
  }),
);

const ranks: ReadonlyMap<ContainerState, number> = new Map(containerStates.map((state) => [state, rankIn(state)]));

/** Steps of the longest way to a state: a state is behind all those it can be reached from. */
function rankIn(state: ContainerState): number {
  const before = containerStates.filter((other) => [...nextByInput.get(other)!.values()].includes(state));
  return 1 + Math.max(-1, ...before.map(rankIn));
}

/** The state after an input, or null when the machine ignores it there. Pure. */
export function nextOnInput(state: ContainerState, input: ContainerInput['type']): ContainerState | null {
  return nextByInput.get(state)?.get(input) ?? null;
}

/**
 * The state after a fact, or null when the machine does not allow it: the fact is late, repeated or not a container's.
 * Every step raises the rank, so what is allowed is progress. Pure.
 */
export function nextContainerState(state: ContainerState, fact: string): ContainerState | null {
  return nextByFact.get(state)?.get(fact) ?? null;
}

/** The health of a running container after a fact, or null when the fact says nothing new. Pure. */
export function nextHealth(health: Health, fact: string): Health | null {
  return healthByFact.get(health)?.get(fact) ?? null;
}

/** 0 for `in queue`; ranks only rise, and ends share the highest. Pure. */
export const rankOf = (state: ContainerState): number => ranks.get(state)!;

const nodeOf = (state: ContainerState) => containerMachine.states[state]!;

const terminal: ReadonlySet<ContainerState> = new Set(
  containerStates.filter((state) => nodeOf(state).type === 'final'),
);

export const isTerminal = (state: ContainerState): boolean => terminal.has(state);

/** The time-out after which a container leaves a state without an input, or null. Pure. */
export function timeOutOf(state: ContainerState): ContainerTimeOut | null {
  const [first] = nodeOf(state).after;
  return first === undefined ? null : (first.delay as ContainerTimeOut);
}
