/**
 * Finds the container that replaced another. Its id ends in the position of its cause, and the causes that come into
 * question are few: so its stream is asked for by name, all candidates at once.
 */

import { type LogEvent, streams } from '../../events/schema/event.ts';
import { containerId, restartedId } from '../../model/ids.ts';
import { type ContainerEnd, findCause, specChangeTypes } from './cause.ts';
import { type LogLookup, pageLimit } from './log-lookup.ts';

/** @param own the container's facts, oldest first @returns its ContainerQueued; null: nothing replaced it so far */
export async function findSuccessor(
  lookup: LogLookup,
  queued: LogEvent<'ContainerQueued'>,
  own: readonly LogEvent[],
  end: ContainerEnd | null,
): Promise<LogEvent<'ContainerQueued'> | null> {
  const { container, service, slot, replaces } = queued.data;
  const stop = own.find(({ type }) => type === 'ContainerStopRequested');
  const causes = new Set<number>();
  if (end) causes.add(end.position);
  if (stop) {
    causes.add(stop.position);
    const cause = await findCause(lookup, stop);
    if (cause) causes.add(cause.position);
  }
  // What it replaced itself may have ended, or been asked to, after it was placed.
  for (const { position } of replaces === null ? [] : await lookup.ofContainer(replaces)) causes.add(position);
  for (const { position } of await findSpecChanges(lookup, queued, (stop ?? end)?.position ?? lookup.end + 1)) {
    causes.add(position);
  }
  const ids = [...causes]
    .filter((position) => position > queued.position)
    .map((position) => containerId(service, slot, position));
  // Or its agent restarted it by itself.
  const successors = await lookup.placements([...ids, ...(end ? [restartedId(container)] : [])]);
  return successors.find(({ data }) => data.replaces === container) ?? null;
}

/** Requests and facts of its node, around the time it was given up: a new container of the slot follows from one. */
async function findSpecChanges(
  lookup: LogLookup,
  queued: LogEvent<'ContainerQueued'>,
  position: number,
): Promise<LogEvent[]> {
  const { service, node } = queued.data;
  const changes = { streams: [streams.service(service)], types: specChangeTypes };
  const found = await Promise.all([
    lookup.before(position, changes),
    lookup.after(position, changes),
    lookup.before(position, { streams: [streams.node(node)] }),
  ]);
  return found.flatMap((events) => events.slice(0, changesMax));
}

/** Together well within a page. */
const changesMax = Math.floor(pageLimit / 4);
