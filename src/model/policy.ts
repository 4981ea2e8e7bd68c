/**
 * How a service changes, restarts and is placed: the policies beside its container spec. A change of one replaces no
 * container, but those on nodes that the placement rules out.
 */

import { type Static, Type } from '@sinclair/typebox';
import { JobPolicy, type ServiceMode, StoredMode } from './job.ts';
import { PlacementPolicy, RebalancePolicy } from './placement.ts';
import { Schedule } from './schedule.ts';

const strict = { additionalProperties: false } as const;

const seconds = (maximum: number) => Type.Integer({ minimum: 0, maximum });

/** A number of replicas, or a share of them in percent. */
const Amount = Type.Union([
  Type.Object({ count: Type.Integer({ minimum: 0, maximum: 10_000 }) }, strict),
  Type.Object({ percent: Type.Integer({ minimum: 0, maximum: 100 }) }, strict),
]);
export type Amount = Static<typeof Amount>;

const UpdateOrder = Type.Union([Type.Literal('start-first'), Type.Literal('stop-first'), Type.Literal('auto')]);
const UpdateOnFailure = Type.Union([Type.Literal('pause'), Type.Literal('rollback'), Type.Literal('continue')]);

export const UpdatePolicy = Type.Object(
  {
    /** `auto`: start-first where there is room for it, stop-first where there is none or a host port is held. */
    order: UpdateOrder,
    /** How many are replaced at once: at least one, whatever the share comes to. */
    parallelism: Amount,
    /** A container without a check serves when it has run for so long. */
    minHealthySeconds: seconds(3600),
    /** Between one replica that serves and the next that is replaced. */
    delaySeconds: seconds(3600),
    /** So many new containers may fail before `onFailure`. */
    maxFailures: Amount,
    onFailure: UpdateOnFailure,
    /** Without one more new container that serves for so long, `onFailure`. 0: no deadline. */
    progressDeadlineSeconds: seconds(86_400),
    /** So many replicas are replaced before it waits to be promoted. 0: it does not wait. */
    canary: Type.Integer({ minimum: 0, maximum: 10_000 }),
  },
  strict,
);
export type UpdatePolicy = Static<typeof UpdatePolicy>;

/** Of a service that says nothing. */
export const updatePolicyDefault: UpdatePolicy = Object.freeze({
  order: 'auto',
  parallelism: { percent: 25 },
  minHealthySeconds: 5,
  delaySeconds: 0,
  maxFailures: { count: 1 },
  onFailure: 'pause',
  progressDeadlineSeconds: 600,
  canary: 0,
});

const RestartCondition = Type.Union([Type.Literal('always'), Type.Literal('on-failure'), Type.Literal('never')]);

export const RestartPolicy = Type.Object(
  {
    /** `on-failure`: a container that ends with 0 is done. */
    condition: RestartCondition,
    /** Before the second restart in a row; doubled with each one after it. */
    delaySeconds: seconds(3600),
    maxDelaySeconds: seconds(86_400),
    /** Failures in a row after which the slot is left as it is; null: none. */
    maxAttempts: Type.Union([Type.Integer({ minimum: 1, maximum: 1_000 }), Type.Null()]),
    /** A run this long was stable: what failed before it is forgotten. */
    windowSeconds: seconds(86_400),
  },
  strict,
);
export type RestartPolicy = Static<typeof RestartPolicy>;

/** Of a service that says nothing. */
export const restartPolicyDefault: RestartPolicy = Object.freeze({
  condition: 'always',
  delaySeconds: 1,
  maxDelaySeconds: 60,
  maxAttempts: null,
  windowSeconds: 60,
});

export const onDisconnectRules = ['lost', 'keep'] as const;
/**
 * What an agent that reaches no broker does about containers that end. `lost`: restarts them for as long as its node cannot
 * count as lost. `keep`: for as long as it takes, also while another node runs their replacement.
 */
export type OnDisconnect = (typeof onDisconnectRules)[number];

/** Of a service that says nothing; not stored. */
export const onDisconnectDefault: OnDisconnect = 'lost';

/** Absent: the default. */
export const servicePolicyMembers = {
  mode: Type.Optional(StoredMode),
  job: Type.Optional(JobPolicy),
  schedule: Type.Optional(Schedule),
  update: Type.Optional(UpdatePolicy),
  restart: Type.Optional(RestartPolicy),
  placement: Type.Optional(PlacementPolicy),
  rebalance: Type.Optional(RebalancePolicy),
  onDisconnect: Type.Optional(Type.Literal('keep')),
};
export const ServicePolicy = Type.Object(servicePolicyMembers, strict);
export type ServicePolicy = Static<typeof ServicePolicy>;

const policyNames = Object.keys(servicePolicyMembers) as (keyof ServicePolicy)[];

/** The policies among other members, as of an event or a request. Pure. */
export const policyOf = (source: ServicePolicy): ServicePolicy =>
  Object.fromEntries(policyNames.flatMap((name) => (source[name] === undefined ? [] : [[name, source[name]]])));

/** Pure. */
export const modeOf = ({ mode }: ServicePolicy): ServiceMode => mode ?? 'replicated';

/** Rounded down. Pure. */
export const amountOf = (amount: Amount, replicas: number): number =>
  'count' in amount ? amount.count : Math.floor((replicas * amount.percent) / 100);
