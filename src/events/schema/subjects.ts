/**
 * The keys under which a fact can be found again: its stream, its type, and the streams of what it is about. A store
 * without an index of its own on JSON keeps these beside its commits. Pure; without the catalogue, which takes a thread
 * that only writes them as long to load as all the rest.
 */

import { type StoredEvent, streams } from './event.ts';

export const typeKey = (type: string) => `type/${type}`;

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
