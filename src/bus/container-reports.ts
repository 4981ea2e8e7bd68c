/** What an agent reports of one container. */

import { Type } from '@sinclair/typebox';
import { FailureReason, LogTail } from '../model/container.ts';
import { HealthOutput } from '../model/health.ts';
import { ContainerId, IsoTime } from '../model/ids.ts';
import { ImageDigest } from '../model/image.ts';
import { Protocol } from '../model/service.ts';
import { nullable, object, Position, reportHead, text } from './message-members.ts';

const containerReportHead = {
  ...reportHead,
  session: Position,
  container: ContainerId,
  /** eventId of the fact that caused it; null when the container ended by itself. */
  causationId: nullable(Type.String({ maxLength: 64 })),
};

export const StartingReport = object({ kind: Type.Literal('starting'), ...containerReportHead });
const runningMembers = {
  engineContainerId: text(128),
  startedAt: IsoTime,
  ports: Type.Array(object({ container: Type.Integer(), host: Type.Integer(), protocol: Protocol })),
  /** It has a check of its health, be it its image's. */
  isChecked: Type.Optional(Type.Boolean()),
  /** Of the image it was created from, where that was named by its digest. */
  imageDigest: Type.Optional(ImageDigest),
};
export const RunningReport = object({ kind: Type.Literal('running'), ...containerReportHead, ...runningMembers });
/** What the image of the container means on this node, before it is created. Sent again until it is answered. */
export const ImageReport = object({
  kind: Type.Literal('image'),
  ...containerReportHead,
  digest: nullable(ImageDigest),
  /** Why it has none, a sentence. */
  reason: nullable(text(512)),
});
export const HealthyReport = object({ kind: Type.Literal('healthy'), ...containerReportHead });
export const UnhealthyReport = object({
  kind: Type.Literal('unhealthy'),
  ...containerReportHead,
  output: HealthOutput,
});
const failedMembers = {
  reason: FailureReason,
  message: text(2048),
  exitCode: nullable(Type.Integer()),
  logTail: LogTail,
};
export const FailedReport = object({ kind: Type.Literal('failed'), ...containerReportHead, ...failedMembers });
export const StoppedReport = object({
  kind: Type.Literal('stopped'),
  ...containerReportHead,
  exitCode: nullable(Type.Integer()),
});
const completedMembers = {
  logTail: LogTail,
  /** What is worth knowing of a run that ended well. */
  note: Type.Optional(text(200)),
};
export const CompletedReport = object({ kind: Type.Literal('completed'), ...containerReportHead, ...completedMembers });

/** An agent that is alone restarts a slot so often; what ends then waits for a manager. */
export const restartsAloneMax = 20;

/**
 * What the agent did in place of the managers while it was alone: `container` ended, and each run after the first was started
 * in place of the one before it. The whole of it is sent again as it grows, so an earlier one says nothing else.
 */
export const RestartedReport = object({
  kind: Type.Literal('restarted'),
  ...containerReportHead,
  /** In their order, the first is `container`. */
  runs: Type.Array(
    object({
      container: ContainerId,
      /** null: of `container`, or it ended before it ran. */
      running: nullable(object(runningMembers)),
      /** null: of the last one, which speaks for itself once the log has it. */
      end: nullable(
        Type.Union([
          object({ kind: Type.Literal('failed'), ...failedMembers }),
          object({ kind: Type.Literal('completed'), ...completedMembers }),
        ]),
      ),
    }),
    { minItems: 2, maxItems: restartsAloneMax + 1 },
  ),
});
export const StaleRemovedReport = object({
  kind: Type.Literal('stale-removed'),
  ...containerReportHead,
  reason: text(200),
});
/** Telemetry: at most one a second for a pull. */
export const PullProgressReport = object({
  kind: Type.Literal('pull-progress'),
  ...containerReportHead,
  image: text(512),
  currentBytes: Type.Integer({ minimum: 0 }),
  totalBytes: Type.Integer({ minimum: 0 }),
});
