/** Turns new events of a what-if into events as the log would have them: positions, versions, ids. Pure. */

import { catalog } from '../../events/schema/catalog.ts';
import { type LogEvent, type NewEvent, streams } from '../../events/schema/event.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';

/** Ids of events that never happened. No event of a log has such a one. */
const idOf = (position: number) => `what-if-${position}`;

/** @param where.first position of the append's first event */
export function toLogEvent(
  view: ClusterView,
  event: NewEvent,
  { first, position, at }: { first: number; position: number; at: string },
): LogEvent {
  const { causationIndex, requestId = null, correlationId = requestId ?? idOf(position), ...meta } = event.meta;
  const causationId = causationIndex === undefined ? meta.causationId : idOf(first + causationIndex);
  return {
    ...event,
    position,
    version: versionOf(view, event.stream) + 1,
    schemaVersion: catalog[event.type].schemaVersion,
    at,
    meta: { ...meta, eventId: idOf(position), commitId: idOf(first), requestId, correlationId, causationId },
  } as LogEvent;
}

/** Of a stream that the planner may expect something of; alarms and the like it writes without looking. */
export function versionOf(view: ClusterView, stream: string): number {
  const [kind, name = ''] = stream.split('/');
  switch (`${kind}/`) {
    case streams.service(''):
      return (view.services.get(name) ?? view.removedServices.get(name))?.version ?? 0;
    case streams.node(''):
      return (view.nodes.get(name) ?? view.removedNodes.get(name))?.version ?? 0;
    case streams.container(''):
      return view.containers.get(name)?.version ?? 0;
    default:
      return 0;
  }
}
