/** How container events change the view, and when an ended container leaves it. */

import type { LogEvent } from '../../events/schema/event.ts';
import type { FailureReason } from '../../model/container.ts';
import type { ContainerFact } from '../../model/container-machine.ts';
import { nextContainerState } from '../../model/container-machine.ts';
import type { ClusterView, ContainerView, NodeView, ServiceView, SlotView } from './cluster-view.ts';
import { release, reserve } from './engines.ts';
import { causeOf, type Handlers, illegal } from './handlers.ts';
import { parseIsoTime } from './iso-time.ts';
import { dropSurplusSlot, setBlocked, setDelay } from './services.ts';
import type { Touched } from './touched.ts';

/** A run this long was stable: what failed before it is forgotten. Ten times the longest usual start. */
const stableRunMs = 60_000;

/** How long an ended container stays in the view, in log time. A constant of the projection, never configuration. */
const endedKeptMs = 3_600_000;

/** Ends that say something about the spec. A lost node or a full queue does not. */
const countedReasons: ReadonlySet<FailureReason> = new Set([
  'exited',
  'oom',
  'killed',
  'unhealthy',
  'start error',
  'image',
]);

const noLogTail: readonly string[] = Object.freeze([]);
const noPorts: ContainerView['ports'] = Object.freeze([]);

export const containerHandlers = {
  ContainerQueued(view, event, touched) {
    const { data } = event;
    if (view.containers.has(data.container)) illegal(event, 'the container exists already');
    const service = view.services.get(data.service) ?? illegal(event, 'the service is unknown');
    if (service.specHash !== data.specHash) illegal(event, `the spec of ${data.service} is ${service.specHash}`);
    const node = view.nodes.get(data.node) ?? illegal(event, `node ${data.node} is unknown`);
    const container = queueContainer(event, service, node);
    const slot = openSlot(service, data.slot);

    view.containers.set(container.id, container);
    view.queued.add(container.id);
    slot.containers.add(container.id);
    node.containers.add(container.id);
    node.position = event.position;
    reserve(view, container, touched);
    setDelay(view, service, slot, null);
    setBlocked(view, service, null);
    service.live += 1;
    service.perNode.set(node.id, (service.perNode.get(node.id) ?? 0) + 1);
    service.position = event.position;
  },

  ContainerStarting(view, event, touched) {
    move(view, event, touched);
  },

  ContainerRunning(view, event, touched) {
    const container = move(view, event, touched);
    container.runningAt = event.at;
    if (event.data.ports.length > 0) container.ports = event.data.ports;
  },

  ContainerStopRequested(view, event, touched) {
    move(view, event, touched).reason = event.data.reason;
  },

  ContainerStopped(view, event, touched) {
    const container = move(view, event, touched);
    container.exitCode = event.data.exitCode;
    end(view, event, container, null, touched);
  },

  ContainerCompleted(view, event, touched) {
    const { note } = event.data;
    const message = `it ended by itself with exit code 0${note === undefined ? '' : `; ${note}`}`;
    const counted: Failure | null = isStopping(view, event) ? null : { reason: 'completed', message };
    const container = move(view, event, touched);
    container.reason = null;
    container.message = note ?? null;
    container.exitCode = 0;
    if (event.data.logTail.length > 0) container.logTail = event.data.logTail;
    end(view, event, container, counted, touched);
  },

  ContainerFailed(view, event, touched) {
    const { reason, message, exitCode, logTail } = event.data;
    const counted = countedReasons.has(reason) && !isStopping(view, event) ? { reason, message } : null;
    const container = move(view, event, touched);
    container.reason = reason;
    container.message = message;
    container.exitCode = exitCode;
    if (logTail.length > 0) container.logTail = logTail;
    end(view, event, container, counted, touched);
  },

  PullProgressReported(view, event) {
    for (const { container: id, currentBytes, totalBytes } of event.data.pulls) {
      const state = view.containers.get(id)?.state;
      if (state === 'starting' || state === 'in queue') view.pulls.set(id, { currentBytes, totalBytes });
    }
  },
} satisfies Partial<Handlers>;

/** Strings the view has already are taken from there: a parsed event brings its own copy of each. */
function queueContainer(event: LogEvent<'ContainerQueued'>, service: ServiceView, node: NodeView): ContainerView {
  const { data } = event;
  return {
    id: data.container,
    service: service.name,
    slot: data.slot,
    node: node.id,
    engineId: data.engineId === node.engine.engineId ? node.engine.engineId : data.engineId,
    state: 'in queue',
    reason: null,
    message: null,
    exitCode: null,
    logTail: noLogTail,
    generation: data.generation,
    specHash: service.specHash,
    spec: service.spec,
    replaces: data.replaces,
    ports: noPorts,
    queueDeadlineMs: parseIsoTime(data.queueDeadline),
    queuedAt: event.at,
    queuedPosition: event.position,
    runningAt: null,
    since: event.at,
    version: event.version,
    latest: causeOf(event),
  };
}

function openSlot(service: ServiceView, number: number): SlotView {
  const known = service.slots.get(number);
  if (known) return known;
  const slot: SlotView = {
    slot: number,
    containers: new Set(),
    failures: 0,
    lastFailure: null,
    lastEnded: null,
    delayedUntilMs: null,
  };
  service.slots.set(number, slot);
  return slot;
}

/** The step every fact after the first has in common: the machine decides, the indexes of the old state are left. */
function move(view: ClusterView, event: LogEvent<ContainerFact>, touched: Touched): ContainerView {
  const container = view.containers.get(event.data.container) ?? illegal(event, 'the container is unknown');
  const service = view.services.get(container.service) ?? illegal(event, 'its service is unknown');
  const next = nextContainerState(container.state, event.type);
  if (next === null) illegal(event, `the container is ${container.state}`);
  countRunning(service, container, -1);
  if (container.state === 'in queue') view.queued.delete(container.id);
  container.state = next;
  countRunning(service, container, +1);
  container.since = event.at;
  container.version = event.version;
  container.latest = causeOf(event);
  service.position = event.position;
  if (next !== 'starting') {
    touched.services.add(service.name);
    if (view.pulls.size > 0) view.pulls.delete(container.id);
  }
  return container;
}

function isStopping(view: ClusterView, event: LogEvent<ContainerFact>): boolean {
  return view.containers.get(event.data.container)?.state === 'stopping';
}

function countRunning(service: ServiceView, container: ContainerView, by: 1 | -1): void {
  if (container.state !== 'running') return;
  service.running += by;
  if (container.specHash === service.specHash) service.runningCurrent += by;
}

type Failure = { reason: FailureReason | 'completed'; message: string };

/** @param failure what the end says about the spec; null when it says nothing, as after we asked it to stop */
function end(
  view: ClusterView,
  event: LogEvent<ContainerFact>,
  container: ContainerView,
  failure: Failure | null,
  touched: Touched,
): void {
  const service = view.services.get(container.service)!;
  const slot = service.slots.get(container.slot)!;
  slot.containers.delete(container.id);
  slot.lastEnded = { container: container.id, cause: container.latest, at: event.at };
  countFailure(service, slot, container, event, failure);
  dropSurplusSlot(view, service, slot);

  service.live -= 1;
  const onNode = service.perNode.get(container.node)! - 1;
  if (onNode > 0) service.perNode.set(container.node, onNode);
  else service.perNode.delete(container.node);

  const node = view.nodes.get(container.node);
  if (node) {
    node.containers.delete(container.id);
    node.position = event.position;
    // More were on the lost node than one append may end: the rest is still to be ended.
    if (node.state === 'lost' && node.containers.size > 0) touched.nodes.add(node.id);
  }

  release(view, container, touched);

  view.ended.add(container.id);
  view.nextExpiryMs ??= expiryMsOf(event.at);
}

/** What ran by a spec that is no longer requested says nothing about the present one. */
function countFailure(
  service: ServiceView,
  slot: SlotView,
  container: ContainerView,
  event: LogEvent<ContainerFact>,
  failure: Failure | null,
): void {
  if (container.specHash !== service.specHash) return;
  if (slot.failures > 0 && wasStable(container, event.at)) {
    slot.failures = 0;
    slot.lastFailure = null;
  }
  if (!failure) return;
  slot.failures += 1;
  slot.lastFailure = { ...failure, container: container.id, at: event.at };
}

function wasStable({ runningAt }: ContainerView, endedAt: string): boolean {
  return runningAt !== null && parseIsoTime(endedAt) - parseIsoTime(runningAt) >= stableRunMs;
}

const expiryMsOf = (endedAt: string): number => parseIsoTime(endedAt) + endedKeptMs;

/** Takes the ended out of the view whose hour has passed at `view.at`. Costs a comparison while there are none. */
export function expireEnded(view: ClusterView): void {
  if (view.nextExpiryMs === null) return;
  const nowMs = parseIsoTime(view.at);
  if (view.nextExpiryMs > nowMs) return;
  view.nextExpiryMs = null;
  for (const id of view.ended) {
    const expiryMs = expiryMsOf(view.containers.get(id)!.since);
    if (expiryMs > nowMs) {
      view.nextExpiryMs = expiryMs;
      return;
    }
    view.ended.delete(id);
    view.containers.delete(id);
  }
}
