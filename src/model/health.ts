/** How a running container proves that it serves: the check of a spec, and the health found by it. */

import { type Static, Type } from '@sinclair/typebox';

const strict = { additionalProperties: false } as const;

/**
 * Of a running container. `unproven`: nothing is known yet, or it has no check. A field beside the state, and a substate of
 * `running` in the machine.
 */
export const healths = ['unproven', 'healthy', 'unhealthy'] as const;
export type Health = (typeof healths)[number];

/** All times in seconds. */
const times = {
  intervalSeconds: Type.Integer({ minimum: 1, maximum: 3600 }),
  timeoutSeconds: Type.Integer({ minimum: 1, maximum: 3600 }),
  /** Consecutive failures that make it unhealthy. */
  retries: Type.Integer({ minimum: 1, maximum: 100 }),
  /** After the start: a failure in it does not count. */
  startPeriodSeconds: Type.Integer({ minimum: 0, maximum: 86_400 }),
};

export const healthCheckDefaults = { intervalSeconds: 10, timeoutSeconds: 5, retries: 3, startPeriodSeconds: 0 };

/** As stored: every member present. Absent in a spec: the check of the image counts, if it has one. */
export const HealthCheck = Type.Union([
  /** Also the check of the image does not count. */
  Type.Object({ kind: Type.Literal('none') }, strict),
  /** Run in the container by the engine; exit code 0 is healthy. */
  Type.Object({ kind: Type.Literal('command'), command: Type.Array(Type.String()), ...times }, strict),
  /** Asked by the agent at the address of the container. */
  Type.Object(
    {
      kind: Type.Literal('http'),
      path: Type.String(),
      port: Type.Integer({ minimum: 1, maximum: 65_535 }),
      /** The only status that is healthy; null: any from 200 to 399. */
      status: Type.Union([Type.Integer({ minimum: 100, maximum: 599 }), Type.Null()]),
      ...times,
    },
    strict,
  ),
  /** Tried by the agent: a connection that opens is healthy. */
  Type.Object({ kind: Type.Literal('tcp'), port: Type.Integer({ minimum: 1, maximum: 65_535 }), ...times }, strict),
]);
export type HealthCheck = Static<typeof HealthCheck>;

/** How long a container may be paused on its engine before it is unhealthy; null: for ever. */
export const PausedGraceSeconds = Type.Union([Type.Integer({ minimum: 1, maximum: 3600 }), Type.Null()]);
export type PausedGraceSeconds = Static<typeof PausedGraceSeconds>;

/** Longer than a backup that pauses a container to copy its files needs. */
export const pausedGraceSecondsDefault = 10;

/** A check that the agent makes itself. */
export type Probe = Extract<HealthCheck, { kind: 'http' | 'tcp' }>;

export const isProbe = (check: HealthCheck | undefined): check is Probe =>
  check?.kind === 'http' || check?.kind === 'tcp';

/** What a check printed or met last. At most 4 KiB. */
export const HealthOutput = Type.String({ maxLength: 4096 });
