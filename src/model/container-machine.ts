/** Owns which container transitions are legal: the one definition for intake, live projection, planner and replay. */

import { createMachine } from 'xstate';
import { type ContainerState, containerRanks, containerStates, isTerminal } from './container.ts';

/** The facts of a container's stream after its first, ContainerQueued. */
export type ContainerFact =
  | 'ContainerStarting'
  | 'ContainerRunning'
  | 'ContainerStopRequested'
  | 'ContainerStopped'
  | 'ContainerFailed'
  | 'ContainerCompleted';

/**
 * ```
 * in queue ─▶ starting ─▶ running ─▶ stopping ─▶ stopped
 *    └────────────┴──────────┴──────────┴──▶ failed | completed
 * ```
 * A report may be lost, never its consequence: each state also accepts the facts of the states after it.
 */
export const containerMachine = createMachine({
  id: 'container',
  initial: 'in queue',
  types: {} as { events: { type: ContainerFact } },
  states: {
    'in queue': {
      on: {
        ContainerStarting: 'starting',
        ContainerRunning: 'running',
        ContainerStopRequested: 'stopping',
        ContainerFailed: 'failed',
        ContainerCompleted: 'completed',
      },
    },
    starting: {
      on: {
        ContainerRunning: 'running',
        ContainerStopRequested: 'stopping',
        ContainerFailed: 'failed',
        ContainerCompleted: 'completed',
      },
    },
    running: {
      on: {
        ContainerStopRequested: 'stopping',
        ContainerFailed: 'failed',
        ContainerCompleted: 'completed',
      },
    },
    stopping: {
      on: {
        ContainerStopped: 'stopped',
        ContainerFailed: 'failed',
        ContainerCompleted: 'completed',
      },
    },
    completed: { type: 'final' },
    stopped: { type: 'final' },
    failed: { type: 'final' },
  },
});

type Transitions = ReadonlyMap<ContainerState, ReadonlyMap<string, ContainerState>>;

/** Flattened once: a fold of millions of events cannot afford an actor each. A test walks both side by side. */
const transitions: Transitions = new Map(
  containerStates.map((state) => {
    const node = containerMachine.states[state];
    const targets = [...(node?.transitions ?? [])].map(
      ([event, [first]]) => [event, first?.target?.[0]?.key as ContainerState] as const,
    );
    return [state, new Map(targets)];
  }),
);

/** The state after `fact`, or null when the machine does not allow it. Pure. */
export function nextContainerState(state: ContainerState, fact: string): ContainerState | null {
  return transitions.get(state)?.get(fact) ?? null;
}

/** Would this fact raise the container's rank? A late or repeated report would not. Pure. */
export function isProgress(state: ContainerState, fact: string): boolean {
  const next = nextContainerState(state, fact);
  return next !== null && !isTerminal(state) && containerRanks[next] > containerRanks[state];
}
