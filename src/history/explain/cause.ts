/**
 * Finds the event that another follows from. The log names a cause by its event's id, which no index knows; but what an
 * event is about says on which stream the cause must be, and a container's id says at which position. A few looks each.
 *
 * | event | its cause is |
 * |---|---|
 * | ContainerQueued | at the position in the container's id; a wait of the slot in between (delay, no node) goes first |
 * | ContainerQueued by an agent | the end of the run it replaces |
 * | ContainerStopRequested | the latest spec change; the drain of its node |
 * | ContainerFailed (node lost) | the loss of the node |
 * | other facts of a container | an earlier one of the same container |
 * | RestartDelayed | the end of the run it names |
 * | JobDue that was requested | the latest spec change |
 * | JobCompleted, JobFailed | the end of a container of the run, or its JobDue |
 * | PlacementBlocked, ServiceRemoved | the latest spec change, or the end of a run |
 * | requests, registrations, losses, alarms, elections | nothing: an operator, a node or a timer |
 */

import type { EventType } from '../../events/schema/catalog.ts';
import { type LogEvent, streams } from '../../events/schema/event.ts';
import { isByAgent } from '../sentences/format-values.ts';
import type { About, LogLookup } from './log-lookup.ts';

/** null: nothing in the log came before it. */
export async function findCause(lookup: LogLookup, event: LogEvent): Promise<LogEvent | null> {
  switch (event.type) {
    case 'ContainerQueued':
      return (isByAgent(event) ? null : await findWait(lookup, event)) ?? findNeed(lookup, event);
    case 'ContainerStopRequested': {
      const { reason, node, service } = event.data;
      if (reason === 'unhealthy') return findEarlier(lookup, event.data.container, event);
      if (reason === 'job failed' || reason === 'job timed out') return findRunFailure(lookup, event);
      if (reason === 'replaced') return findReplacing(lookup, event);
      return reason === 'node draining'
        ? findDrain(lookup, node, event.position)
        : findSpecChange(lookup, service, event.position, event.meta.causationId);
    }
    case 'ContainerFailed':
      if (event.data.reason === 'node lost') return findLoss(lookup, event);
      return findEarlier(lookup, event.data.container, event);
    case 'ContainerStarting':
    case 'ContainerRunning':
    case 'ContainerHealthy':
    case 'ContainerUnhealthy':
    case 'ContainerStopped':
    case 'ContainerCompleted':
      return findEarlier(lookup, event.data.container, event);
    case 'StaleContainerRemoved':
      return event.meta.causationId === null ? null : findStaleCause(lookup, event);
    case 'RestartDelayed':
      return (await lookup.ofContainer(event.data.container)).findLast(isEnd) ?? null;
    case 'JobDue':
      return event.data.cause === 'requested'
        ? findSpecChange(lookup, event.data.service, event.position, event.meta.causationId)
        : null;
    case 'JobCompleted':
    case 'JobFailed':
      return findRunCause(lookup, event);
    case 'RolloutStarted':
    case 'RolloutCompleted':
      return findSpecChange(lookup, event.data.service, event.position, event.meta.causationId);
    case 'ServiceUnstable':
    case 'RolloutPaused':
    case 'RolloutFailed':
      return event.data.container === null
        ? findSpecChange(lookup, event.data.service, event.position, null)
        : ((await lookup.ofContainer(event.data.container)).findLast(({ position }) => position < event.position) ??
            null);
    case 'PlacementBlocked':
      return findBlockedCause(lookup, event);
    case 'ServiceRemoved':
      return findSpecChange(lookup, event.data.service, event.position, event.meta.causationId);
    default:
      return null;
  }
}

/** Why the slot needed a container, whatever it waited for afterwards. */
export async function findNeed(lookup: LogLookup, queued: LogEvent<'ContainerQueued'>): Promise<LogEvent | null> {
  const { container, service, replaces } = queued.data;
  if (isByAgent(queued)) return (await lookup.ofContainer(replaces!)).findLast(isEnd) ?? null;
  const cause = await lookup.at(causePositionOf(container));
  if (!cause || cause.position >= queued.position || !isSameEvent(cause, queued.meta.causationId)) {
    return findSpecChange(lookup, service, queued.position, queued.meta.causationId);
  }
  // A global service is there because the node is.
  if (isNodeFact(cause) && cause.data.node === queued.data.node) return cause;
  // A draining node is known in the log by its latest fact, which may be a return in the middle of the drain.
  if (isNodeFact(cause)) return (await findDrain(lookup, cause.data.node, cause.position + 1)) ?? cause;
  const isOfAnother = 'container' in cause.data && cause.data.container !== replaces;
  return isOfAnother && replaces !== null ? ((await findReplacement(lookup, queued, replaces)) ?? cause) : cause;
}

/**
 * An id needs a cause of its own, so a swap that begins after the slot's other container ended is named after that end.
 * What it really is for is what made the replaced one go.
 */
async function findReplacement(
  lookup: LogLookup,
  queued: LogEvent<'ContainerQueued'>,
  replaces: string,
): Promise<LogEvent | null> {
  const stop = (await lookup.ofContainer(replaces)).find(({ type }) => type === 'ContainerStopRequested');
  const cause = stop ? await findCause(lookup, stop) : null;
  if (cause && cause.position < queued.position) return cause;
  return findSpecChange(lookup, queued.data.service, queued.position, null);
}

/** The inverse of what `containerId` writes. Pure. */
export function causePositionOf(container: string): number {
  return Number.parseInt(container.slice(container.lastIndexOf('-') + 1), 36);
}

export const specChangeTypes = ['ServiceRequested', 'ServiceScaled', 'ServiceRemovalRequested'] as const;
export type SpecChange = LogEvent<(typeof specChangeTypes)[number]>;

/** The latest spec change before a position; of several the one with the id. */
export async function findSpecChange(
  lookup: LogLookup,
  service: string,
  position: number,
  eventId: string | null,
): Promise<SpecChange | null> {
  const about = { streams: [streams.service(service)], types: specChangeTypes };
  const found = (await lookup.before(position, about)).filter(isChange);
  return found.find((event) => isSameEvent(event, eventId)) ?? found[0] ?? null;
}

/** A request that asked for what already was is recorded, but changed nothing. */
export function isChange(event: LogEvent): event is SpecChange {
  if (event.type === 'ServiceRequested') return event.data.changed;
  return event.type === 'ServiceScaled' || event.type === 'ServiceRemovalRequested';
}

const endTypes = ['ContainerFailed', 'ContainerStopped', 'ContainerCompleted'] as const;
export type ContainerEnd = LogEvent<(typeof endTypes)[number]>;

export const isEnd = (event: LogEvent): event is ContainerEnd =>
  (endTypes as readonly EventType[]).includes(event.type);

const isSameEvent = ({ meta }: LogEvent, eventId: string | null) => meta.eventId === eventId;

const nodeFactTypes = [
  'NodeRegistered',
  'NodeReturned',
  'RegistrationRefused',
  'NodeCordoned',
  'NodeActivated',
  'StaleContainerRemoved',
] as const;

const isNodeFact = (event: LogEvent): event is LogEvent<(typeof nodeFactTypes)[number]> =>
  (nodeFactTypes as readonly EventType[]).includes(event.type);

/** What the slot last waited for between its need and its place: a restart delay, or a node that could take it. */
async function findWait(lookup: LogLookup, queued: LogEvent<'ContainerQueued'>): Promise<LogEvent | null> {
  const { service, slot, container } = queued.data;
  const about: About = { streams: [streams.service(service)], types: ['RestartDelayed', 'PlacementBlocked'] };
  const waits = await lookup.between(causePositionOf(container), queued.position, about);
  return waits.find((event) => isWaitOf(event, slot)) ?? null;
}

function isWaitOf(event: LogEvent, slot: number): boolean {
  if (event.type === 'RestartDelayed') return event.data.slot === slot;
  if (event.type !== 'PlacementBlocked') return false;
  const { slots, missing } = event.data;
  // Only the first few are named, in their order.
  return slots.includes(slot) || (missing > slots.length && slot > (slots.at(-1) ?? 0));
}

async function findDrain(lookup: LogLookup, node: string, position: number): Promise<LogEvent | null> {
  const about: About = { streams: [streams.node(node)], types: ['NodeDrainRequested'] };
  return (await lookup.before(position, about))[0] ?? null;
}

/** The loss and the ends of its containers are one append, or follow each other. */
async function findLoss(lookup: LogLookup, { data, position }: LogEvent<'ContainerFailed'>): Promise<LogEvent | null> {
  const about: About = { streams: [streams.node(data.node)], types: ['NodeLost'] };
  return (await lookup.before(position, about))[0] ?? null;
}

async function findEarlier(lookup: LogLookup, container: string, event: LogEvent): Promise<LogEvent | null> {
  const earlier = (await lookup.ofContainer(container)).filter(
    ({ stream, position }) => stream === event.stream && position < event.position,
  );
  return earlier.find((fact) => isSameEvent(fact, event.meta.causationId)) ?? earlier.at(-1) ?? null;
}

/** The node had it because of an earlier command; it removed it because of what made it compare. */
async function findStaleCause(lookup: LogLookup, event: LogEvent<'StaleContainerRemoved'>): Promise<LogEvent | null> {
  const { node, container } = event.data;
  const own = await lookup.ofContainer(container);
  const known = [...own, ...(await lookup.before(event.position, { streams: [streams.node(node)] }))];
  return known.find((fact) => isSameEvent(fact, event.meta.causationId)) ?? null;
}

/** The spec that replaces its own, or the run that its own gave way to. */
async function findReplacing(lookup: LogLookup, event: LogEvent<'ContainerStopRequested'>): Promise<LogEvent | null> {
  const { service } = event.data;
  const about: About = { streams: [streams.service(service)], types: [...specChangeTypes, 'JobDue'] };
  const found = (await lookup.before(event.position, about)).filter((fact) => fact.type === 'JobDue' || isChange(fact));
  return found.find((fact) => isSameEvent(fact, event.meta.causationId)) ?? found.find(isChange) ?? null;
}

async function findRunFailure(
  lookup: LogLookup,
  { data, position }: LogEvent<'ContainerStopRequested'>,
): Promise<LogEvent | null> {
  const about: About = { streams: [streams.service(data.service)], types: ['JobFailed'] };
  return (await lookup.before(position, about))[0] ?? null;
}

async function findRunCause(
  lookup: LogLookup,
  { data: { service, run }, position, meta }: LogEvent<'JobCompleted' | 'JobFailed'>,
): Promise<LogEvent | null> {
  const found = await lookup.before(position, { service, types: ['JobDue', 'ContainerUnhealthy', ...endTypes] });
  const cause = found.find((fact) => isSameEvent(fact, meta.causationId));
  return cause ?? found.find((fact) => fact.type === 'JobDue' && fact.data.run === run) ?? null;
}

async function findBlockedCause(lookup: LogLookup, event: LogEvent<'PlacementBlocked'>): Promise<LogEvent | null> {
  const { service } = event.data;
  const found = await lookup.before(event.position, { service, types: [...specChangeTypes, ...endTypes] });
  const cause = found.find((fact) => isSameEvent(fact, event.meta.causationId));
  return cause ?? findSpecChange(lookup, service, event.position, event.meta.causationId);
}
