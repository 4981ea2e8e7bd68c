/**
 * Decides which fact an agent's report becomes. Pure. A report that would not raise the container's rank is late or
 * repeated, and becomes none.
 */

import { v5 as uuidv5 } from 'uuid';
import type { EngineReport, RegisterReport, Report, ReportOf } from '../../bus/messages.ts';
import type { Expectation } from '../../events/log/event-log.ts';
import { type NewEvent, streams } from '../../events/schema/event.ts';
import { isTerminal, nextContainerState, nextHealth, nextOnInput } from '../../model/container-machine.ts';
import type { ClusterView, ContainerView } from '../../projections/view/cluster-view.ts';
import { decideImage, explainPull } from './decide-image.ts';

export type ReportDecision =
  | { event: NewEvent; expect: Expectation[]; appendId?: string }
  /** Nothing to write. */
  | 'stale'
  /** What it follows is on its way: it has to be decided again. */
  | 'early'
  /** Nothing to write. The log has ended this container, or never had it, and it may still run: it has to be removed. */
  | 'orphan';

type EndReport = ReportOf<'failed' | 'stopped' | 'completed'>;
type StateReport = EndReport | ReportOf<'starting' | 'running' | 'healthy' | 'unhealthy'>;

/** @param clusterId namespace of the append ids of reports that may be sent twice */
export function decideReport(
  view: ClusterView,
  report: Exclude<Report, EngineReport | { kind: 'pull-progress' | 'restarted' }>,
  clusterId: string,
): ReportDecision {
  if (report.kind === 'register') return decideRegistration(view, report, clusterId);
  if (report.kind === 'stale-removed') return decideStale(view, report, clusterId);
  const container = view.containers.get(report.container);
  if (!container || isTerminal(container.state)) return isEnd(report) ? 'stale' : 'orphan';
  if (container.node !== report.node) return 'stale';
  if (report.kind === 'image') return decideImage(view, report, container);
  const event = eventOf(view, report, container);
  if (isEarly(report, container)) return 'early';
  if (!isNews(container, event.type)) return 'stale';
  return { event, expect: [{ stream: streams.container(container.id), version: container.version }] };
}

/**
 * A node that the log does not know, or that was removed, registers; any other returns. A message that is delivered again
 * does nothing: it would end the session that the first delivery began.
 */
function decideRegistration(view: ClusterView, report: RegisterReport, clusterId: string): ReportDecision {
  const { node, registrationId, instance, publicKey, hostAccess } = report;
  const { engine, hostname, agentVersion, labels, inventory } = report;
  const known = view.nodes.get(node);
  const optional = {
    ...(instance ? { instance } : {}),
    ...(publicKey ? { publicKey } : {}),
    ...(hostAccess ? { hostAccess } : {}),
  };
  return {
    event: {
      stream: streams.node(node),
      type: known ? 'NodeReturned' : 'NodeRegistered',
      data: { node, registrationId, ...optional, engine, hostname, agentVersion, labels, inventory },
      meta: metaOf(report, null),
    },
    expect: [{ stream: streams.node(node), version: (known ?? view.removedNodes.get(node))?.version ?? 0 }],
    appendId: uuidv5(report.reportId, clusterId),
  };
}

/**
 * Ignored if the node was removed meanwhile. No expected version: a node that returns sends hundreds at once, and they
 * would conflict with each other. The fold accepts one also just after the removal of the node.
 */
function decideStale(view: ClusterView, report: ReportOf<'stale-removed'>, clusterId: string): ReportDecision {
  const { node, container, reason } = report;
  if (!view.nodes.has(node)) return 'stale';
  return {
    event: {
      stream: streams.node(node),
      type: 'StaleContainerRemoved',
      data: { node, container, reason },
      meta: metaOf(report, report.causationId),
    },
    expect: [],
    appendId: uuidv5(report.reportId, clusterId),
  };
}

/** Of the health of a container that does not run yet: reports are taken in side by side. */
const isEarly = ({ kind }: StateReport, { state }: ContainerView): boolean =>
  (kind === 'healthy' || kind === 'unhealthy') && (state === 'in queue' || state === 'starting');

/** It raises the container's rank, or changes its health while it runs. */
const isNews = ({ state, health }: ContainerView, fact: string): boolean =>
  nextContainerState(state, fact) !== null || (state === 'running' && nextHealth(health, fact) !== null);

const isEnd = (report: StateReport | ReportOf<'image'>): report is EndReport =>
  report.kind === 'failed' || report.kind === 'stopped' || report.kind === 'completed';

function eventOf(view: ClusterView, report: StateReport, container: ContainerView): NewEvent {
  const { id, service, slot, node } = container;
  const ref = { container: id, service, slot, node };
  // The cause of a container's end by itself is its own latest fact.
  const causationId = report.causationId ?? container.latest.eventId;
  const meta = { ...metaOf(report, causationId), correlationId: container.latest.correlationId };
  const head = { stream: streams.container(id), meta };
  switch (report.kind) {
    case 'starting':
      return { ...head, type: 'ContainerStarting', data: { ...ref, session: report.session } };
    case 'running': {
      const { session, engineContainerId, startedAt, ports, isChecked, imageDigest } = report;
      const optional = { ...(isChecked ? { isChecked } : {}), ...(imageDigest ? { imageDigest } : {}) };
      const data = { ...ref, session, engineContainerId, startedAt, ports, ...optional };
      return { ...head, type: 'ContainerRunning', data };
    }
    case 'healthy':
      return { ...head, type: 'ContainerHealthy', data: ref };
    case 'unhealthy':
      return { ...head, type: 'ContainerUnhealthy', data: { ...ref, output: report.output } };
    case 'failed': {
      const { reason, exitCode, logTail } = report;
      const message = reason === 'image' ? explainPull(view, container, report.message) : report.message;
      return { ...head, type: 'ContainerFailed', data: { ...ref, reason, message, exitCode, logTail } };
    }
    case 'completed': {
      const { logTail, note } = report;
      const data = { ...ref, logTail, ...(note === undefined ? {} : { note }) };
      return { ...head, type: 'ContainerCompleted', data };
    }
    case 'stopped':
      return nextOnInput(container.state, 'report.stopped') === 'stopped'
        ? { ...head, type: 'ContainerStopped', data: { ...ref, exitCode: report.exitCode } }
        : { ...head, type: 'ContainerFailed', data: { ...ref, ...stoppedByOthers, exitCode: report.exitCode } };
  }
}

/** The container was stopped on its engine by another program, or by hand. */
const stoppedByOthers = {
  reason: 'killed' as const,
  message: 'it was stopped on its engine, without a request in the log',
  logTail: [],
};

function metaOf(report: Report, causationId: string | null): NewEvent['meta'] {
  return { actor: `node:${report.node}`, requestId: report.reportId, causationId };
}
