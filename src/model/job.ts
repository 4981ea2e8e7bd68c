/** How a service runs: for ever in replicas, once on every node, or as a job that ends. */

import { type Static, Type } from '@sinclair/typebox';

const strict = { additionalProperties: false } as const;

export const serviceModes = ['replicated', 'global', 'job'] as const;
export type ServiceMode = (typeof serviceModes)[number];

/** As stored. Absent: replicated. */
export const StoredMode = Type.Union([Type.Literal('global'), Type.Literal('job')]);

/** So many slots of one service have a name, whatever goes on at once. */
const completionsMax = 1_000;

export const JobPolicy = Type.Object(
  {
    /** Containers of one run that have to end with 0. */
    completions: Type.Integer({ minimum: 1, maximum: completionsMax }),
    /** Containers of one run at once. */
    parallelism: Type.Integer({ minimum: 1, maximum: completionsMax }),
    /** Failures of one slot after which the run has failed. */
    maxAttempts: Type.Integer({ minimum: 1, maximum: 1_000 }),
    /** From the beginning of a run to its end; null: as long as it takes. */
    timeoutSeconds: Type.Union([Type.Integer({ minimum: 1, maximum: 31_536_000 }), Type.Null()]),
  },
  strict,
);
export type JobPolicy = Static<typeof JobPolicy>;

/** Of a job that says nothing. */
export const jobPolicyDefault: JobPolicy = Object.freeze({
  completions: 1,
  parallelism: 1,
  maxAttempts: 3,
  timeoutSeconds: null,
});
