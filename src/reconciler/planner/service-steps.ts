/** The steps for one service as data: what each event says, and the versions it was decided from. Pure. */

import type { Expectation } from '../../events/log/event-log.ts';
import type { FilteredNodes } from '../../events/schema/catalog.ts';
import { streams } from '../../events/schema/event.ts';
import type { StopReason } from '../../model/container.ts';
import { containerId } from '../../model/ids.ts';
import { restartDelayMs } from '../../model/restart-delay.ts';
import type { Cause } from '../../projections/view/cause.ts';
import type { ClusterView, ContainerView, ServiceView } from '../../projections/view/cluster-view.ts';
import { isOfRun } from '../../projections/view/job-runs.ts';
import type { Placement } from './placement.ts';
import { reasonToLeave, type SlotStatus } from './slot-status.ts';
import { metaOf, type Step } from './step.ts';

/** @param times `queueTimeoutMs` from `nowMs` its node has to take it */
export function queueContainer(
  view: ClusterView,
  service: ServiceView,
  status: SlotStatus,
  placed: Placement,
  times: { nowMs: number; queueTimeoutMs: number },
): Step {
  const { slot, target, outdated, stopping, view: slotView } = status;
  const { node, candidates, filtered } = placed;
  const replaced = outdated[0];
  const causes = [
    slotView?.lastEnded?.cause,
    // Of the run that its slot is of.
    service.job?.runs.findLast((run) => run.state === 'running' && isOfRun(run, slot))?.due,
    // A global service follows its nodes.
    service.nodeOfSlot ? node.latest : undefined,
    ...stopping.map(({ latest }) => latest),
    ...outdated.map((container) => causeOf(view, service, container)),
    // One that was placed while the rollout was held is younger than the spec: it goes because the rollout goes on.
    ...outdated.map(({ queuedPosition }) =>
      queuedPosition > service.specEvent.position ? service.rollout?.latest : undefined,
    ),
    ...(target === service ? [] : outdated.map(({ node }) => view.nodes.get(node)?.latest)),
  ];
  // The latest: later than the start of every container the slot ever had, so no id comes twice.
  const cause = causes.reduce<Cause>(
    (latest, c) => (c && c.position > latest.position ? c : latest),
    service.specEvent,
  );
  const id = containerId(service.name, slot, cause.position);
  return {
    subject: { kind: 'service', name: service.name },
    event: {
      stream: streams.container(id),
      type: 'ContainerQueued',
      data: {
        container: id,
        service: service.name,
        slot,
        node: node.id,
        session: node.session,
        engineId: node.engine.engineId,
        // Of the spec before a rollout that is held: its own generation.
        generation: target.generation,
        specHash: target.specHash,
        image: target.spec.image,
        replaces: replaced?.id ?? slotView?.lastEnded?.container ?? null,
        queueDeadline: new Date(times.nowMs + times.queueTimeoutMs).toISOString(),
        candidates,
        filtered,
      },
      meta: metaOf(cause),
    },
    expect: [
      { stream: streams.container(id), version: 0 },
      { stream: streams.node(node.id), version: node.version },
      expectService(service),
    ],
  };
}

/**
 * Said once: again only when the reasons change, or when part of the service found a place since. Also said when nothing
 * lacks a place any more and nothing had to be placed for it.
 * @param slots those without a place
 */
export function blockPlacement(
  service: ServiceView,
  slots: readonly SlotStatus[],
  filtered: FilteredNodes,
  isPartlyPlaced: boolean,
): Step[] {
  // Folding a placement forgets what was said before.
  const said = isPartlyPlaced ? null : service.blocked;
  const isSame =
    (said?.missing ?? 0) === slots.length &&
    (slots.length === 0 || JSON.stringify(said?.filtered) === JSON.stringify(filtered));
  if (isSame) return [];
  return [
    {
      subject: { kind: 'service', name: service.name },
      event: {
        stream: streams.service(service.name),
        type: 'PlacementBlocked',
        data: {
          service: service.name,
          slots: slots.slice(0, 5).map(({ slot }) => slot),
          missing: slots.length,
          filtered,
        },
        meta: metaOf(slots[0]?.view?.lastEnded?.cause ?? service.specEvent),
      },
      expect: [expectService(service)],
    },
  ];
}

/** Its spec or its node is not wanted any more. */
export function replaceContainer(view: ClusterView, service: ServiceView, container: ContainerView): Step {
  return stopContainer(
    service,
    container,
    reasonToLeave(view, service, container) ?? 'replaced',
    causeOf(view, service, container),
  );
}

export function stopContainer(service: ServiceView, container: ContainerView, reason: StopReason, cause: Cause): Step {
  const { id, slot, node } = container;
  return {
    subject: { kind: 'service', name: service.name },
    event: {
      stream: streams.container(id),
      type: 'ContainerStopRequested',
      data: {
        container: id,
        service: service.name,
        slot,
        node,
        reason,
        stopTimeoutSeconds: container.spec.stopTimeoutSeconds,
      },
      meta: metaOf(cause),
    },
    expect: [{ stream: streams.container(id), version: container.version }, expectService(service)],
  };
}

export function removeService(service: ServiceView): Step {
  return {
    subject: { kind: 'service', name: service.name },
    event: {
      stream: streams.service(service.name),
      type: 'ServiceRemoved',
      data: { service: service.name },
      meta: metaOf(service.specEvent),
    },
    expect: [expectService(service)],
  };
}

export function expectService(service: ServiceView): Expectation {
  return { stream: streams.service(service.name), version: service.version };
}

export function delayRestart(service: ServiceView, { slot, view }: SlotStatus, nowMs: number): Step[] {
  if (!view?.lastEnded) return [];
  const { container, cause } = view.lastEnded;
  const delayMs = restartDelayMs(view.failures, container, service.policy.restart);
  const until = new Date(nowMs + delayMs).toISOString();
  return [
    {
      subject: { kind: 'service', name: service.name },
      event: {
        stream: streams.service(service.name),
        type: 'RestartDelayed',
        data: { service: service.name, slot, container, failures: view.failures, delayMs, until },
        meta: metaOf(cause),
      },
      expect: [expectService(service)],
    },
  ];
}

/** An outdated container goes because of the new spec, or for what it or its node has become. */
function causeOf(view: ClusterView, service: ServiceView, container: ContainerView): Cause {
  const node = view.nodes.get(container.node);
  if (container.health === 'unhealthy') return container.latest;
  if (!node || container.specHash !== service.specHash) return service.specEvent;
  switch (reasonToLeave(view, service, container)) {
    case 'node draining':
      return node.latest;
    case 'constraint not met':
      return node.latest.position > service.specEvent.position ? node.latest : service.specEvent;
    case 'rebalanced':
      return container.move!;
    default:
      return service.specEvent;
  }
}
