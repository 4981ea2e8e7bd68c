/**
 * Owns under which keys a fact can be found again: its stream, its type, and the streams of what it is about. A store
 * without an index of its own on JSON keeps these beside its commits. Pure.
 */

import { catalog } from './catalog.ts';
import type { EventFilter } from './commit-store.ts';
import { type StoredEvent, streams, telemetryStreams } from './event.ts';

const typeKey = (type: string) => `type/${type}`;

/** None for telemetry: it comes and goes, and is found by its class. */
export function subjectsOf(events: readonly StoredEvent[]): Set<string> {
  const subjects = new Set<string>();
  for (const { stream, type, version, data } of events) {
    if (version === 0) continue;
    const { service, node, container } = data as Record<string, unknown>;
    subjects.add(stream).add(typeKey(type));
    if (typeof service === 'string') subjects.add(streams.service(service));
    if (typeof node === 'string') subjects.add(streams.node(node));
    if (typeof container === 'string') subjects.add(streams.container(container));
  }
  return subjects;
}

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
