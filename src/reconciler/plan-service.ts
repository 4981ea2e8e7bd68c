/**
 * Owns what one service's slots need. Pure. Every slot is in one of these sets:
 *
 * | slot | has | step |
 * |---|---|---|
 * | surplus | a number above `replicas`, or the service is being removed | stop what runs in it |
 * | empty | nothing wanted | queue a container; or wait, when it failed again and again |
 * | outdated | only containers of another spec, or on a draining node | queue a replacement beside it (or stop it first, when they would fight for a host port) |
 * | settled | a container of the present spec that runs | stop what else is in it |
 */

import type { FilteredNodes } from '../events/catalog.ts';
import { streams } from '../events/event.ts';
import type { Expectation } from '../events/event-log.ts';
import type { StopReason } from '../model/container.ts';
import { containerId } from '../model/ids.ts';
import type { Cause, ClusterView, ContainerView, ServiceView, SlotView } from '../projections/cluster-view.ts';
import { createPlacer, type Placement, type Reservations } from './placement.ts';
import { restartDelayMs } from './restart-policy.ts';
import { metaOf, type Step } from './step.ts';

export type PlanSettings = {
  /** How long a container may be `in queue` before the agent takes it. */
  queueTimeoutMs: number;
};

type Pass = PlanSettings & { nowMs: number; reservations: Reservations };

/** Replicas that are replaced at the same time: a quarter, at least one. Also how far a replacement may exceed `replicas`. */
export const surgeOf = (replicas: number) => Math.max(1, Math.floor(replicas / 4));

type SlotNeed = {
  slot: number;
  /** Wanted containers: not terminal, not stopping. */
  current: ContainerView[];
  outdated: ContainerView[];
  /** Unwanted containers of the slot, still on their way out. */
  stopping: ContainerView[];
  view: SlotView | undefined;
};

export function planService(view: ClusterView, service: ServiceView, pass: Pass): Step[] {
  const replicas = service.removing ? 0 : service.replicas;
  const stops = stopSurplus(view, service, replicas);
  if (service.removing) return hasContainers(service) ? stops : [...stops, removeService(service)];

  const needs = Array.from({ length: replicas }, (_, index) => readSlot(view, service, index + 1));
  const swaps = planSwaps(view, service, needs);
  const missing = [...needs.filter((need) => isEmpty(need, service)), ...swaps.queue];
  const waits = missing.map((need) => ({ need, wait: restartWait(need, pass.nowMs) }));
  const due = waits.filter(({ wait }) => wait === 'due').map(({ need }) => need);
  const undecided = waits.filter(({ wait }) => wait === 'undecided').map(({ need }) => need);
  return [
    ...stops,
    ...swaps.stops,
    ...queueAll(view, service, due, pass),
    ...undecided.flatMap((need) => delayRestart(service, need, pass)),
  ];
}

/** A container with a host port holds it until it is gone: its successor would only be blocked by it. */
function isEmpty({ current, outdated, stopping }: SlotNeed, service: ServiceView): boolean {
  return current.length === 0 && outdated.length === 0 && !(stopping.length > 0 && hasHostPort(service));
}

const hasHostPort = (service: ServiceView) => service.spec.ports.some(({ host }) => host !== null);

function hasContainers(service: ServiceView): boolean {
  for (const slot of service.slots.values()) if (slot.containers.size > 0) return true;
  return false;
}

function readSlot(view: ClusterView, service: ServiceView, slot: number): SlotNeed {
  const slotView = service.slots.get(slot);
  const need: SlotNeed = { slot, current: [], outdated: [], stopping: [], view: slotView };
  for (const id of slotView?.containers ?? []) {
    const container = view.containers.get(id);
    if (!container) continue;
    if (container.state === 'stopping') {
      need.stopping.push(container);
      continue;
    }
    const isDraining = view.nodes.get(container.node)?.availability === 'draining';
    const isCurrent = container.specHash === service.specHash && !isDraining;
    (isCurrent ? need.current : need.outdated).push(container);
  }
  return need;
}

function stopSurplus(view: ClusterView, service: ServiceView, replicas: number): Step[] {
  const reason = service.removing ? 'service removed' : 'scaled down';
  const steps: Step[] = [];
  for (const slot of service.slots.values()) {
    if (slot.slot <= replicas) continue;
    for (const id of slot.containers) {
      const container = view.containers.get(id);
      if (container && container.state !== 'stopping')
        steps.push(stopContainer(service, container, reason, service.wish));
    }
  }
  return steps;
}

/**
 * Which containers beside the one a slot needs go, and which outdated slots are replaced now: never more wanted
 * containers than `replicas` and the surge.
 */
function planSwaps(view: ClusterView, service: ServiceView, needs: SlotNeed[]): { stops: Step[]; queue: SlotNeed[] } {
  const stopFirst = hasHostPort(service);
  const stop = (c: ContainerView) => stopContainer(service, c, stopReason(view, c), causeOf(view, service, c));
  const slots = needs.map((need) => ({ need, kept: keepOf(need) }));
  const stops = slots.flatMap(({ need, kept }) =>
    wantedOf(need)
      .filter((c) => !kept.includes(c))
      .map(stop),
  );

  const orphaned = slots.filter(({ need, kept }) => kept.length === 0 && need.outdated.length > 0);
  const outdated = slots.filter(({ need, kept }) => kept.length > 0 && need.current.length === 0);
  const wanted = slots.reduce((sum, { kept }) => sum + Math.max(1, kept.length), 0);
  const down = slots.filter(({ kept }) => !kept.some(isRunning)).length;
  const surge = surgeOf(service.replicas);
  const room = Math.max(0, stopFirst ? surge - down : service.replicas + surge - wanted);
  const next = outdated.slice(0, room);

  return stopFirst
    ? { stops: [...stops, ...next.flatMap(({ kept }) => kept.map(stop))], queue: [] }
    : { stops, queue: [...orphaned, ...next].map(({ need }) => need) };
}

const isRunning = ({ state }: ContainerView) => state === 'running';
const wantedOf = ({ current, outdated }: SlotNeed) => [...current, ...outdated];

/** One present container, and an outdated one for as long as it alone runs. */
function keepOf({ current, outdated }: SlotNeed): ContainerView[] {
  const present = current.find(isRunning) ?? current[0];
  const stopgap = present && isRunning(present) ? undefined : outdated.find(isRunning);
  return [present, stopgap].filter((container) => container !== undefined);
}

function stopReason(view: ClusterView, container: ContainerView): StopReason {
  return view.nodes.get(container.node)?.availability === 'draining' ? 'node draining' : 'replaced';
}

/** An outdated container goes because of the new wish, or because its node is being emptied. */
function causeOf(view: ClusterView, service: ServiceView, container: ContainerView): Cause {
  const node = view.nodes.get(container.node);
  return node?.availability === 'draining' && container.specHash === service.specHash ? node.latest : service.wish;
}

/** `due`: now; `waiting`: a delay stands; `undecided`: it failed again and no delay is written yet. */
function restartWait({ view }: SlotNeed, nowMs: number): 'due' | 'waiting' | 'undecided' {
  if (!view?.lastEnded) return 'due';
  if (view.delayedUntilMs !== null) return view.delayedUntilMs <= nowMs ? 'due' : 'waiting';
  return restartDelayMs(view.failures, view.lastEnded.container) === 0 ? 'due' : 'undecided';
}

function delayRestart(service: ServiceView, { slot, view }: SlotNeed, { nowMs }: Pass): Step[] {
  if (!view?.lastEnded) return [];
  const { container, cause } = view.lastEnded;
  const delayMs = restartDelayMs(view.failures, container);
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

function queueAll(view: ClusterView, service: ServiceView, needs: SlotNeed[], pass: Pass): Step[] {
  if (needs.length === 0) return [];
  const onNode = (node: string) => service.perNode.get(node) ?? 0;
  const placer = createPlacer(view, service.spec, onNode, pass.reservations);
  const steps: Step[] = [];
  for (const [index, need] of needs.entries()) {
    const placed = placer.place();
    if (placed.node) {
      steps.push(queueContainer(view, service, need, placed, pass));
      continue;
    }
    const missing = needs.slice(index);
    return [...steps, ...blockPlacement(service, missing, placed.filtered, steps.length > 0)];
  }
  return steps;
}

function queueContainer(view: ClusterView, service: ServiceView, need: SlotNeed, placed: Placement, pass: Pass): Step {
  const { slot, outdated, stopping, view: slotView } = need;
  const { node, candidates, filtered } = placed;
  const replaced = outdated[0];
  const causes = [
    slotView?.lastEnded?.cause,
    ...stopping.map(({ latest }) => latest),
    ...outdated.map((container) => causeOf(view, service, container)),
  ];
  // The latest: later than the start of every container the slot ever had, so no id comes twice.
  const cause = causes.reduce<Cause>((latest, c) => (c && c.position > latest.position ? c : latest), service.wish);
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
        generation: service.generation,
        specHash: service.specHash,
        image: service.spec.image,
        replaces: replaced?.id ?? slotView?.lastEnded?.container ?? null,
        queueDeadline: new Date(pass.nowMs + pass.queueTimeoutMs).toISOString(),
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

/** Said once: again only when the reasons change, or when part of the service found a place since. */
function blockPlacement(
  service: ServiceView,
  needs: SlotNeed[],
  filtered: FilteredNodes,
  isPartlyPlaced: boolean,
): Step[] {
  const isSame =
    !isPartlyPlaced &&
    service.blocked !== null &&
    service.blocked.missing === needs.length &&
    JSON.stringify(service.blocked.filtered) === JSON.stringify(filtered);
  if (isSame) return [];
  return [
    {
      subject: { kind: 'service', name: service.name },
      event: {
        stream: streams.service(service.name),
        type: 'PlacementBlocked',
        data: {
          service: service.name,
          slots: needs.slice(0, 5).map(({ slot }) => slot),
          missing: needs.length,
          filtered,
        },
        meta: metaOf(needs[0]?.view?.lastEnded?.cause ?? service.wish),
      },
      expect: [expectService(service)],
    },
  ];
}

function stopContainer(service: ServiceView, container: ContainerView, reason: StopReason, cause: Cause): Step {
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

function removeService(service: ServiceView): Step {
  return {
    subject: { kind: 'service', name: service.name },
    event: {
      stream: streams.service(service.name),
      type: 'ServiceRemoved',
      data: { service: service.name },
      meta: metaOf(service.wish),
    },
    expect: [expectService(service)],
  };
}

function expectService(service: ServiceView): Expectation {
  return { stream: streams.service(service.name), version: service.version };
}
