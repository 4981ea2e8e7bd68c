/** Defines the members of a service beside its container: how its health is checked, how it is updated and restarted. */

import { type Static, Type } from '@sinclair/typebox';
import { JobPolicy, serviceModes } from '../../model/job.ts';
import { onDisconnectRules } from '../../model/policy.ts';
import { cronCharactersMax, missedRules, overlapRules, timeZoneCharactersMax } from '../../model/schedule.ts';
import { oneOf, strict } from '../schema/schema.ts';

const seconds = (minimum: number, maximum: number) => Type.Optional(Type.Integer({ minimum, maximum }));

const argumentsMax = 256;
const argumentCharactersMax = 4_096;

const Port = Type.Integer({ minimum: 1, maximum: 65_535 });

const HealthObject = Type.Object(
  {
    command: Type.Optional(
      Type.Array(
        Type.String({
          pattern: '^[^\\u0000\\ud800-\\udfff]*$',
          maxLength: argumentCharactersMax,
          description: 'text without NUL',
        }),
        { minItems: 1, maxItems: argumentsMax, description: 'a program and its arguments, run in the container' },
      ),
    ),
    http: Type.Optional(
      Type.Object(
        {
          path: Type.String({
            pattern: '^/[\\x21-\\x7e]*$',
            maxLength: 2_048,
            description: 'a path that begins with / and has no spaces',
          }),
          port: Port,
          status: Type.Optional(
            Type.Integer({ minimum: 100, maximum: 599, description: 'a status from 100 to 599; default: 200 to 399' }),
          ),
        },
        strict,
      ),
    ),
    tcp: Type.Optional(Type.Object({ port: Port }, strict)),
    intervalSeconds: seconds(1, 3_600),
    timeoutSeconds: seconds(1, 3_600),
    retries: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
    startPeriodSeconds: seconds(0, 86_400),
  },
  { ...strict, description: 'exactly one of command, http and tcp, and when it is asked' },
);

const healthDescription = '"none", or an object with exactly one of command, http and tcp';
export const HealthBody = Type.Unsafe<Static<typeof HealthObject> | 'none'>({
  anyOf: [Type.Literal('none'), HealthObject],
  description: healthDescription,
});
export type HealthBody = Static<typeof HealthBody>;
export const HealthPatch = Type.Unsafe<HealthBody | null>({
  anyOf: [Type.Literal('none'), HealthObject, Type.Null()],
  description: `null, ${healthDescription}`,
});

/** A number of replicas, or a share. */
const Amount = (maximum: number) =>
  Type.Unsafe<number | string>({
    anyOf: [
      { type: 'integer', minimum: 0, maximum },
      { type: 'string', pattern: '^(?:100|[1-9]?[0-9])%$', maxLength: 4 },
    ],
    description: `a whole number up to ${maximum}, or a share such as "25%"`,
  });

const updateMembers = {
  order: Type.Optional(oneOf(['auto', 'start-first', 'stop-first'], 'auto, start-first or stop-first')),
  parallelism: Type.Optional(Amount(10_000)),
  minHealthySeconds: seconds(0, 3_600),
  delaySeconds: seconds(0, 3_600),
  maxFailures: Type.Optional(Amount(10_000)),
  onFailure: Type.Optional(oneOf(['pause', 'rollback', 'continue'], 'pause, rollback or continue')),
  progressDeadlineSeconds: seconds(0, 86_400),
  canary: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 })),
};
export const UpdateBody = Type.Object(updateMembers, {
  ...strict,
  $id: 'UpdatePolicy',
  description: 'How a changed spec replaces containers. A member that is left out has its default.',
});
export type UpdateBody = Static<typeof UpdateBody>;

export const RestartBody = Type.Object(
  {
    condition: Type.Optional(oneOf(['always', 'on-failure', 'never'], 'always, on-failure or never')),
    delaySeconds: seconds(0, 3_600),
    maxDelaySeconds: seconds(0, 86_400),
    maxAttempts: Type.Optional(
      Type.Unsafe<number | null>({
        anyOf: [{ type: 'integer', minimum: 1, maximum: 1_000 }, { type: 'null' }],
        description: 'null or a whole number from 1 to 1000',
      }),
    ),
    windowSeconds: seconds(0, 86_400),
  },
  {
    ...strict,
    $id: 'RestartPolicy',
    description: 'What follows on the end of a container. A member that is left out has its default.',
  },
);
export type RestartBody = Static<typeof RestartBody>;

export const OnDisconnectBody = oneOf(onDisconnectRules, 'lost or keep');

export const ModeBody = oneOf(serviceModes, 'replicated, global or job');

const { completions, parallelism, maxAttempts, timeoutSeconds } = JobPolicy.properties;
export const JobBody = Type.Object(
  {
    completions: Type.Optional(completions),
    parallelism: Type.Optional(parallelism),
    maxAttempts: Type.Optional(maxAttempts),
    timeoutSeconds: Type.Optional(
      Type.Unsafe<number | null>({ ...timeoutSeconds, description: 'null or a whole number from 1 to 31536000' }),
    ),
  },
  {
    ...strict,
    $id: 'JobPolicy',
    description:
      'One run of a job: how many containers have to end with 0, how many run at once, how often each may fail, how long all may take. A member that is left out has its default.',
  },
);
export type JobBody = Static<typeof JobBody>;

export const ScheduleBody = Type.Object(
  {
    cron: Type.String({
      pattern: '^[0-9A-Za-z*/,#?@ -]+$',
      maxLength: cronCharactersMax,
      description: 'a cron expression of five fields, or six with seconds first',
    }),
    timeZone: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z][A-Za-z0-9_+/-]*$',
        maxLength: timeZoneCharactersMax,
        description: 'the name of a time zone, such as Europe/Berlin; default UTC',
      }),
    ),
    missed: Type.Optional(oneOf(missedRules, 'skip or run-once')),
    overlap: Type.Optional(oneOf(overlapRules, 'allow, forbid or replace')),
  },
  {
    ...strict,
    $id: 'Schedule',
    description:
      'When a job runs by itself, what becomes of ticks that passed while no manager led, and of one while the run before goes on. A member that is left out has its default: UTC, skip, forbid.',
  },
);
export type ScheduleBody = Static<typeof ScheduleBody>;

export const releaseComponents = [UpdateBody, RestartBody, JobBody, ScheduleBody];
