/** A container's life: its states, and the reasons of failure and of a stop. */

import { type Static, Type } from '@sinclair/typebox';

/** In the order of a container's life; container-machine.ts says what leads where. */
export const containerStates = [
  'in queue',
  'starting',
  'running',
  'stopping',
  'completed',
  'stopped',
  'failed',
] as const;

export type ContainerState = (typeof containerStates)[number];

export const ContainerStateSchema = Type.Union(containerStates.map((state) => Type.Literal(state)));

/** A container that its agent has not begun to start for longer has failed, and is placed again. */
export const queueTimeoutMsDefault = 60_000;

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
  Type.Literal('unhealthy'),
  Type.Literal('job timed out'),
  Type.Literal('job failed'),
  Type.Literal('constraint not met'),
  Type.Literal('rebalanced'),
]);
export type StopReason = Static<typeof StopReason>;

/** Last lines of a run: at most 20, together at most 4 KiB. Plain text in the log for ever. */
export const LogTail = Type.Array(Type.String({ maxLength: 4096 }), { maxItems: 20 });
export type LogTail = Static<typeof LogTail>;
