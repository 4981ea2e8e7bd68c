/** Decides which fact it becomes that an agent has lost its engine, or has it again. Pure. */

import type { EngineReport, Report } from '../../bus/messages.ts';
import { streams } from '../../events/schema/event.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import type { ReportDecision } from './decide-report.ts';

export const isEngineReport = (report: Report): report is EngineReport =>
  report.kind === 'engine-lost' || report.kind === 'engine-returned';

/**
 * Of another session than the present it is late: a registration says by itself that the engine answers.
 * @param nowMs log time
 */
export function decideEngineReport(view: ClusterView, report: EngineReport, nowMs: number): ReportDecision {
  const { node: id, session, reportId } = report;
  const node = view.nodes.get(id);
  if (node?.state !== 'ready' || node.session !== session) return 'stale';
  const isLost = report.kind === 'engine-lost';
  if (isLost === (node.engineLost !== null)) return 'stale';
  const stream = streams.node(id);
  const meta = { actor: `node:${id}` as const, requestId: reportId };
  const expect = [{ stream, version: node.version }];
  if (!isLost) {
    const returned = { ...meta, causationId: node.latest.eventId };
    return { event: { stream, type: 'EngineReturned', data: { node: id, session }, meta: returned }, expect };
  }
  const { message, timeoutMs } = report;
  const data = { node: id, session, message, deadline: new Date(nowMs + timeoutMs).toISOString() };
  return { event: { stream, type: 'EngineLost', data, meta: { ...meta, causationId: null } }, expect };
}
