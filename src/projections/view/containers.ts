/** How container events change the view. */

import type { LogEvent } from '../../events/schema/event.ts';
import type { FailureReason } from '../../model/container.ts';
import { type ContainerFact, type HealthFact, nextContainerState, nextHealth } from '../../model/container-machine.ts';
import { type RestartPolicy, restartPolicyDefault } from '../../model/policy.ts';
import type { ClusterView, ContainerView, NodeView, ServiceView } from './cluster-view.ts';
import { keepEnded } from './ended.ts';
import { release, reserve } from './engines.ts';
import { countFailure, type Failure } from './failures.ts';
import { countNodes } from './global-slots.ts';
import { causeOf, type Handlers, illegal } from './handlers.ts';
import { parseIsoTime } from './iso-time.ts';
import { noteDone } from './jobs.ts';
import { keepRolling, noteProgress, noteRolloutFailure } from './rollouts.ts';
import { noteSettled, setBlocked } from './services.ts';
import type { SlotView } from './slot-view.ts';
import { dropSurplusSlot, setDelay } from './slots.ts';
import { noteStart, noteStartError } from './suspects.ts';
import type { Touched } from './touched.ts';

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
    const version =
      specOf(service, data.specHash) ?? illegal(event, `the spec of ${data.service} is ${service.specHash}`);
    const node = view.nodes.get(data.node) ?? illegal(event, `node ${data.node} is unknown`);
    const container = queueContainer(event, version, node);
    const slot = openSlot(service, data.slot);

    view.containers.set(container.id, container);
    view.queued.add(container.id);
    slot.containers.add(container.id);
    node.containers.add(container.id);
    node.position = event.position;
    reserve(view, container, touched);
    setDelay(view, service, slot, null);
    if (service.nodeOfSlot) service.nodeOfSlot.set(slot.slot, node.id);
    else setBlocked(view, service, null);
    service.live += 1;
    service.perNode.set(node.id, (service.perNode.get(node.id) ?? 0) + 1);
    service.position = event.position;
  },

  ContainerStarting(view, event, touched) {
    move(view, event, touched);
  },

  ContainerRunning(view, event, touched) {
    const container = move(view, event, touched);
    const { ports, isChecked = false, imageDigest = null } = event.data;
    container.runningAt = event.at;
    container.isChecked = isChecked;
    container.imageDigest = imageDigest;
    if (ports.length > 0) container.ports = ports;
    noteStart(view, container, touched);
    noteProgress(view, container, event);
  },

  ContainerHealthy(view, event, touched) {
    const container = changeHealth(view, event, touched);
    container.message = null;
    noteProgress(view, container, event);
  },

  /** Its slot needs another, as after an end; the run itself goes on until that one serves. */
  ContainerUnhealthy(view, event, touched) {
    const container = changeHealth(view, event, touched);
    const message = event.data.output.trim() || 'its health check failed';
    container.message = message;
    const service = view.services.get(container.service)!;
    const slot = service.slots.get(container.slot)!;
    slot.lastEnded = { container: container.id, cause: container.latest, at: event.at };
    countFailure(service, slot, container, event, { reason: 'unhealthy', message });
    noteRolloutFailure(service, container, message);
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
    const isOver = isStopping(view, event);
    const isDone = !isOver && restartCondition(view, event) !== 'always';
    const counted: Failure | null = isOver || isDone ? null : { reason: 'completed', message };
    const container = move(view, event, touched);
    if (isDone && noteDone(view, container)) slotOf(view, container).done = container.specHash;
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
    if (counted && restartCondition(view, event) === 'never') slotOf(view, container).done = container.specHash;
    container.reason = reason;
    container.message = message;
    container.exitCode = exitCode;
    if (logTail.length > 0) container.logTail = logTail;
    if (reason === 'start error' && counted) noteStartError(view, container, event.at, touched);
    end(view, event, container, counted, touched);
  },

  PullProgressReported(view, event) {
    for (const { container: id, currentBytes, totalBytes } of event.data.pulls) {
      const state = view.containers.get(id)?.state;
      if (state === 'starting' || state === 'in queue') view.pulls.set(id, { currentBytes, totalBytes });
    }
  },
} satisfies Partial<Handlers>;

/** The service's spec of that hash: the present one, or the one before it, which runs on while a rollout is paused. */
function specOf(service: ServiceView, hash: string): Pick<ServiceView, 'name' | 'spec' | 'specHash'> | null {
  if (service.specHash === hash) return service;
  return service.previous?.specHash === hash ? { name: service.name, ...service.previous } : null;
}

/** Under `on-failure` one that ends with 0 is done, as every one of a job; under `never` each that ends by itself. */
function restartCondition(view: ClusterView, event: LogEvent<ContainerFact>): RestartPolicy['condition'] {
  const service = view.services.get(event.data.service);
  return service?.job ? 'on-failure' : (service?.policy.restart ?? restartPolicyDefault).condition;
}

const slotOf = (view: ClusterView, { service, slot }: ContainerView): SlotView =>
  view.services.get(service)!.slots.get(slot)!;

/** Strings the view has already are taken from there: a parsed event brings its own copy of each. */
function queueContainer(
  event: LogEvent<'ContainerQueued'>,
  service: Pick<ServiceView, 'name' | 'spec' | 'specHash'>,
  node: NodeView,
): ContainerView {
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
    ...{ replaces: data.replaces, imageDigest: null, ports: noPorts },
    health: 'unproven',
    isChecked: false,
    move: null,
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
    ...{ failures: 0, failedSpec: null, failedAtMs: [], restarts: [] },
    lastFailure: null,
    lastEnded: null,
    done: null,
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
  if (service.proving.size > 0 && service.proving.delete(container.id)) keepRolling(view, service);
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

function changeHealth(view: ClusterView, event: LogEvent<HealthFact>, touched: Touched): ContainerView {
  const container = view.containers.get(event.data.container) ?? illegal(event, 'the container is unknown');
  const service = view.services.get(container.service) ?? illegal(event, 'its service is unknown');
  const next = container.state === 'running' ? nextHealth(container.health, event.type) : null;
  if (next === null) illegal(event, `the container is ${container.state}, ${container.health}`);
  container.health = next;
  container.isChecked = true;
  container.version = event.version;
  container.latest = causeOf(event);
  service.position = event.position;
  touched.services.add(service.name);
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
  if (failure) noteRolloutFailure(service, container, `${failure.reason}: ${failure.message}`);
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

  if (service.nodeOfSlot && node?.availability !== 'active') countNodes(view, service);
  release(view, container, touched);
  noteSettled(view, service);

  keepEnded(view, container);
}
