/** The shape of a service's spec as it is written in the log. */

import { type Static, Type } from '@sinclair/typebox';
import { containerOptionMembers } from './container-options.ts';
import { HealthCheck, PausedGraceSeconds } from './health.ts';
import { ServiceName } from './ids.ts';
import { PullPolicy } from './image.ts';
import { servicePolicyMembers } from './policy.ts';
import { Resources } from './resources.ts';

const strict = { additionalProperties: false } as const;

/** No control characters: they break terminals, logs and Docker's API. */
const printable = (maxLength: number) => Type.String({ pattern: '^[^\\u0000-\\u001f\\u007f]*$', maxLength });

/** More replicas than this in one service is likelier a typing error. */
export const replicasMax = 10_000;

export const Replicas = Type.Integer({ minimum: 0, maximum: replicasMax });

/** An environment variable: a plain value, or the name of a secret that the agent reads from its own CO_SECRETS_DIR. */
export const EnvEntry = Type.Union([
  Type.Object({ name: Type.String(), value: Type.String() }, strict),
  Type.Object({ name: Type.String(), secret: Type.String() }, strict),
]);
export type EnvEntry = Static<typeof EnvEntry>;

export const Protocol = Type.Union([Type.Literal('tcp'), Type.Literal('udp')]);

const PortMapping = Type.Object(
  {
    container: Type.Integer({ minimum: 1, maximum: 65535 }),
    /** null: the engine picks a free one; ContainerRunning says which. */
    host: Type.Union([Type.Integer({ minimum: 1, maximum: 65535 }), Type.Null()]),
    protocol: Protocol,
  },
  strict,
);
export type PortMapping = Static<typeof PortMapping>;

/**
 * A container spec as stored: open maps as lists sorted by name, every member present but those that came later, so that
 * equal specs have equal bytes and equal hashes.
 */
export const ContainerSpec = Type.Object(
  {
    name: printable(63),
    image: Type.String({ minLength: 1, maxLength: 512 }),
    /** Replaces the image's entrypoint; null keeps it. */
    command: Type.Union([Type.Array(Type.String()), Type.Null()]),
    /** Replaces the image's default arguments; null keeps them. */
    args: Type.Union([Type.Array(Type.String()), Type.Null()]),
    env: Type.Array(EnvEntry),
    ports: Type.Array(PortMapping),
    labels: Type.Array(Type.Object({ name: Type.String(), value: Type.String() }, strict)),
    resources: Resources,
    stopTimeoutSeconds: Type.Integer({ minimum: 0, maximum: 3600 }),
    /** Absent: the check of the image counts, if it has one. */
    health: Type.Optional(HealthCheck),
    /** Raised by a restart of the service: the same spec is then another, so its containers are replaced. Absent: 0. */
    restarts: Type.Optional(Type.Integer({ minimum: 1 })),
    ...containerOptionMembers,
    /** Absent: `missing`. */
    pull: Type.Optional(PullPolicy),
    /** Absent: `pausedGraceSecondsDefault`. */
    pausedGraceSeconds: Type.Optional(PausedGraceSeconds),
  },
  strict,
);
export type ContainerSpec = Static<typeof ContainerSpec>;

/** First 16 hex digits of the SHA-256 of the canonical spec; a container is outdated only when this differs. */
export const SpecHash = Type.String({ pattern: '^[0-9a-f]{16}$' });

/** The whole spec of one service. */
export const ServiceSpec = Type.Object(
  {
    service: ServiceName,
    replicas: Replicas,
    container: ContainerSpec,
    specHash: SpecHash,
    ...servicePolicyMembers,
  },
  strict,
);
export type ServiceSpec = Static<typeof ServiceSpec>;
