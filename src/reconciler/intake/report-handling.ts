/** Says what becomes of a report: the fact to append first, and the message to an agent that follows from it. */

import type { ManagerBus } from '../../bus/bus.ts';
import type { ContainerReport, Report, ReportOf } from '../../bus/messages.ts';
import type { Clock } from '../../clock.ts';
import type { Logger } from '../../logger.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { parseIsoTime } from '../../projections/view/iso-time.ts';
import type { Decided } from '../append/append-decision.ts';
import { decideEngineReport, isEngineReport } from '../commands/decide-engine-report.ts';
import { resolvedDigest } from '../commands/decide-image.ts';
import { decideRefusal } from '../commands/decide-registration.ts';
import { decideReport, type ReportDecision } from '../commands/decide-report.ts';
import { decideRestarts } from '../commands/decide-restarts.ts';
import type { HeartbeatStatus } from '../planner/plan-nodes.ts';
import { createRegistrationConflicts } from './registration-conflicts.ts';

/** Progress of pulls is not decided: see pull-progress.ts. */
export type DecidableReport = Exclude<Report, { kind: 'pull-progress' }>;

/** `afterwards`: called when the events are in the log, or when there are none. `isEarly`: it has to be delivered again. */
export type HandledReport = Decided & { afterwards?: () => void; isEarly?: boolean };

type Deps = { view: ClusterView; bus: ManagerBus; heartbeats: HeartbeatStatus; clock: Clock; logger: Logger };

/** Reads the view as it is at each call. */
export function createReportHandling(
  deps: Deps,
  { clusterId }: { clusterId: string },
): (report: DecidableReport) => HandledReport {
  const { view, bus, clock, logger } = deps;
  const conflicts = createRegistrationConflicts(deps, { clusterId });

  /** The log has ended the container, or never had it: it must not run. */
  const removeOrphan = ({ node, container }: Pick<ContainerReport, 'node' | 'container'>) => {
    const nodeView = view.nodes.get(node);
    if (!nodeView) return;
    const head = { clusterId, node, session: nodeView.session, position: view.position, causationId: '' };
    bus.sendCommand({ kind: 'remove', ...head, container }).catch((error: unknown) => {
      logger.warn({ err: error, node, container }, 'removal not delivered; the next sync removes it');
    });
  };

  /** The agent waits for it before it creates the container. It asks again while it has no answer. */
  const answerImage = ({ node, container }: ReportOf<'image'>, digest: string | null) => {
    bus.sendCommand({ kind: 'image', clusterId, node, container, digest }).catch((error: unknown) => {
      logger.warn({ err: error, node, container }, 'what an image means was not delivered; the agent asks again');
    });
  };

  const handleImage = (report: ReportOf<'image'>): HandledReport => {
    const decision = decideReport(view, report, clusterId);
    if (decision === 'orphan') return { events: [], afterwards: () => removeOrphan(report) };
    const digest = decision === 'stale' ? resolvedDigest(view, report.container) : report.digest;
    return { ...toHandled(decision), afterwards: () => answerImage(report, digest) };
  };

  const handleRestarted = (report: ReportOf<'restarted'>, nowMs: number): HandledReport => {
    const decision = decideRestarts(view, report, nowMs);
    if (decision === 'stale') return { events: [] };
    const { container } = report.runs.at(-1)!;
    if (decision === 'orphan') return { events: [], afterwards: () => removeOrphan({ node: report.node, container }) };
    return { events: decision.events, options: { expect: decision.expect } };
  };

  return (report) => {
    const nowMs = Math.max(clock.nowMs(), parseIsoTime(view.at));
    if (isEngineReport(report)) return toHandled(decideEngineReport(view, report, nowMs));
    if (report.kind === 'image') return handleImage(report);
    if (report.kind === 'restarted') return handleRestarted(report, nowMs);
    if (report.kind !== 'register') {
      const decision = decideReport(view, report, clusterId);
      return decision === 'orphan' ? { events: [], afterwards: () => removeOrphan(report) } : toHandled(decision);
    }
    const resolution = conflicts.resolve(report);
    if (resolution === 'register') return toHandled(decideReport(view, report, clusterId));
    if (resolution === 'challenge') return { events: [] };
    const refusal = decideRefusal(view.nodes.get(report.node)!, report, nowMs) ?? 'stale';
    return { ...toHandled(refusal), afterwards: () => conflicts.sendRefusal(report) };
  };
}

function toHandled(decision: ReportDecision): HandledReport {
  if (decision === 'early') return { events: [], isEarly: true };
  if (typeof decision === 'string') return { events: [] };
  const { event, expect, appendId } = decision;
  return { events: [event], options: { expect, ...(appendId === undefined ? {} : { appendId }) } };
}
