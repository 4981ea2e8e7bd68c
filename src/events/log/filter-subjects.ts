/** The keys under which a query looks for facts: those of subjects.ts. Pure. */

import { catalog } from '../schema/catalog.ts';
import { streams, telemetryStreams } from '../schema/event.ts';
import { typeKey } from '../schema/subjects.ts';
import type { EventFilter } from './commit-store.ts';

/** The keys of the narrowest member: a commit that matches has one of them. null: nothing narrows. */
export function subjectsFor(filter: EventFilter): string[] | null {
  const { class: eventClass, container, service, node, streams: names, types } = filter;
  if (eventClass === 'telemetry') return null;
  if (container !== undefined) return [streams.container(container)];
  if (names && !names.some((name) => telemetryStreams.has(name))) return [...new Set(names)];
  if (service !== undefined) return [streams.service(service)];
  if (node !== undefined) return [streams.node(node)];
  if (types?.every((type) => catalog[type].class === 'fact')) return [...new Set(types.map(typeKey))];
  return null;
}
