/** Owns the words for a container's life: states, their ranks, and the reasons of failure. */

import { type Static, Type } from '@sinclair/typebox';

/** Rank of each state. Ranks only rise: a report of a lower or equal rank is late or repeated and is dropped. */
export const containerRanks = {
  'in queue': 10,
  starting: 30,
  running: 50,
  stopping: 60,
  completed: 70,
  stopped: 80,
  failed: 90,
} as const;

export type ContainerState = keyof typeof containerRanks;

export const containerStates = Object.keys(containerRanks) as ContainerState[];

export const ContainerStateSchema = Type.Union(containerStates.map((state) => Type.Literal(state)));

/** A container that its agent has not begun to start for longer has failed, and is placed again. */
export const queueTimeoutMsDefault = 60_000;

const firstTerminalRank = containerRanks.completed;

export function isTerminal(state: ContainerState): boolean {
  return containerRanks[state] >= firstTerminalRank;
}

export const FailureReason = Type.Union([
  Type.Literal('exited'),
  Type.Literal('oom'),
  Type.Literal('killed'),
  Type.Literal('unhealthy'),
  Type.Literal('start error'),
  Type.Literal('image'),
  Type.Literal('queue timeout'),
  Type.Literal('node lost'),
]);
export type FailureReason = Static<typeof FailureReason>;

/** Why a container was asked to stop. */
export const StopReason = Type.Union([
  Type.Literal('scaled down'),
  Type.Literal('replaced'),
  Type.Literal('service removed'),
  Type.Literal('node draining'),
]);
export type StopReason = Static<typeof StopReason>;

/** Last lines of a run: at most 20, together at most 4 KiB. Plain text in the log for ever. */
export const LogTail = Type.Array(Type.String({ maxLength: 4096 }), { maxItems: 20 });
export type LogTail = Static<typeof LogTail>;
