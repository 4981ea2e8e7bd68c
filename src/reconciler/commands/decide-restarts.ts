/**
 * Decides whether the log takes what an agent restarted by itself while it was alone. Pure. What the log has moved on from is
 * refused as a whole, and the agent ends what it started: so no slot has two runs that the log did not want.
 */

import type { ReportOf } from '../../bus/messages.ts';
import type { Expectation } from '../../events/log/event-log.ts';
import { type NewEvent, streams } from '../../events/schema/event.ts';
import { queueTimeoutMsDefault } from '../../model/container.ts';
import { isTerminal } from '../../model/container-machine.ts';
import { restartedId } from '../../model/ids.ts';
import type { ClusterView, ContainerView, NodeView } from '../../projections/view/cluster-view.ts';
import { isSurplusSlot } from '../../projections/view/slots.ts';

export type RestartsDecision =
  /** One commit: each end, and the run in its place. */
  | { events: NewEvent[]; expect: Expectation[] }
  /** Nothing to write: the log has it, or the report is of another session and comes again. */
  | 'stale'
  /** Nothing to write, and what the agent started last has to be removed. */
  | 'orphan';

type RestartedReport = ReportOf<'restarted'>;

export function decideRestarts(view: ClusterView, report: RestartedReport, nowMs: number): RestartsDecision {
  const node = view.nodes.get(report.node);
  if (!node || node.session !== report.session || !isByRule(report)) return 'stale';
  const first = report.runs.findLastIndex(({ container }) => view.containers.has(container));
  const latest = view.containers.get(report.runs[first]?.container ?? '');
  if (!latest || isTerminal(latest.state) || latest.node !== node.id) return 'orphan';
  if (first === report.runs.length - 1) return 'stale';
  if (!mayGoOn(view, latest, node)) return 'orphan';
  const later = report.runs.slice(first + 1);
  return {
    events: eventsOf(report, first, { latest, node, nowMs }),
    expect: [
      { stream: streams.container(latest.id), version: latest.version },
      ...later.map(({ container }) => ({ stream: streams.container(container), version: 0 })),
    ],
  };
}

/** Each is named after the one before it, which has ended. */
const isByRule = ({ container, runs }: RestartedReport): boolean =>
  runs.every((run, index) => {
    const before = runs[index - 1];
    return before
      ? before.end !== null && run.container === restartedId(before.container)
      : run.container === container;
  });

/** The slot is as it was when the agent last heard of it: it still wants this spec here, and nothing has come beside it. */
function mayGoOn(view: ClusterView, { state, service: name, slot, specHash }: ContainerView, node: NodeView): boolean {
  const service = view.services.get(name)!;
  const isWanted = !service.job && !isSurplusSlot(view, service, slot) && specHash === service.specHash;
  const isAlone = service.slots.get(slot)!.containers.size === 1;
  return isWanted && isAlone && state !== 'stopping' && node.state === 'ready' && node.availability === 'active';
}

type Restarted = { latest: ContainerView; node: NodeView; nowMs: number };

function eventsOf(report: RestartedReport, first: number, { latest, node, nowMs }: Restarted): NewEvent[] {
  const { service, slot, specHash, generation, spec } = latest;
  const events: NewEvent[] = [];
  const { correlationId } = latest.latest;
  const head = { actor: `node:${node.id}`, requestId: report.reportId, correlationId, causationId: null };
  /** The first follows from what the log has, each other from the one before it. */
  const add = (container: string, event: Pick<NewEvent, 'type'> & { data: object }) => {
    const cause = events.length === 0 ? { causationId: latest.latest.eventId } : { causationIndex: events.length - 1 };
    const ref = { container, service, slot, node: node.id };
    const stream = streams.container(container);
    events.push({ ...event, stream, data: { ...ref, ...event.data }, meta: { ...head, ...cause } } as NewEvent);
  };
  const queueDeadline = new Date(nowMs + queueTimeoutMsDefault).toISOString();
  const { session, engine } = node;
  for (const [index, { container, running, end }] of report.runs.slice(first).entries()) {
    if (index > 0) {
      const image = { generation, specHash, image: spec.image };
      const choice = { replaces: report.runs[first + index - 1]!.container, candidates: [], filtered: [] };
      const placed = { session, engineId: engine.engineId, ...image, ...choice, queueDeadline };
      add(container, { type: 'ContainerQueued', data: placed });
      if (running) add(container, { type: 'ContainerRunning', data: { session, ...running } });
    }
    // Of the last one its own report comes.
    if (first + index === report.runs.length - 1 || end === null) break;
    const { kind, ...data } = end;
    add(container, { type: kind === 'failed' ? 'ContainerFailed' : 'ContainerCompleted', data });
  }
  return events;
}
