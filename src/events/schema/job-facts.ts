/** The schemas of the facts about the runs of a job, on the stream of its service. */

import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { LogTail } from '../../model/container.ts';
import { ContainerId, IsoTime, ServiceName } from '../../model/ids.ts';

const fact = <T extends Record<string, TSchema>>(members: T) => ({
  class: 'fact' as const,
  schema: Type.Object(members, { additionalProperties: false }),
  schemaVersion: 1,
});

/** Runs of a service are numbered from 1. */
const RunRef = { service: ServiceName, run: Type.Integer({ minimum: 1 }) };

/** `requested`: the service was created, changed or restarted; `missed`: the tick passed while no manager led. */
const RunCause = Type.Union([Type.Literal('requested'), Type.Literal('schedule'), Type.Literal('missed')]);
export type RunCause = Static<typeof RunCause>;

const JobFailureReason = Type.Union([Type.Literal('attempts'), Type.Literal('timed out')]);
export type JobFailureReason = Static<typeof JobFailureReason>;

/** `missed`: no manager led at the time; `overlap`: the run before went on. */
const JobSkipReason = Type.Union([Type.Literal('missed'), Type.Literal('overlap')]);
export type JobSkipReason = Static<typeof JobSkipReason>;

export const jobFacts = {
  /** A run begins: its containers have the slots from `firstSlot` on, one for each completion. */
  JobDue: fact({
    ...RunRef,
    generation: Type.Integer({ minimum: 1 }),
    cause: RunCause,
    /** When it was asked for, or the tick. */
    dueAt: IsoTime,
    /** Ticks just before this one for which no run begins, at most 100 counted. */
    passed: Type.Integer({ minimum: 0 }),
    firstSlot: Type.Integer({ minimum: 1 }),
    completions: Type.Integer({ minimum: 1 }),
    /** Runs that go on end with it. */
    isReplacing: Type.Boolean(),
  }),
  /** No run begins for a tick of the schedule. */
  JobSkipped: fact({
    service: ServiceName,
    /** The tick; of several the last. */
    dueAt: IsoTime,
    /** How many, at most 100 counted. */
    ticks: Type.Integer({ minimum: 1 }),
    why: JobSkipReason,
    /** The last one that goes on; null: none does. */
    run: Type.Union([Type.Integer({ minimum: 1 }), Type.Null()]),
  }),
  JobCompleted: fact({
    ...RunRef,
    completions: Type.Integer({ minimum: 1 }),
    /** Since it began. */
    seconds: Type.Integer({ minimum: 0 }),
  }),
  JobFailed: fact({
    ...RunRef,
    why: JobFailureReason,
    /** A sentence. */
    reason: Type.String({ maxLength: 2048 }),
    /** The one that failed last, and what it printed last. */
    container: Type.Union([ContainerId, Type.Null()]),
    lastWords: LogTail,
  }),
} as const;
