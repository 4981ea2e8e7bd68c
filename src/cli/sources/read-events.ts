/** Reads events through a manager's API as a log gives them: what reads history needs not know which it asks. */

import type { EventPage, EventQuery } from '../../events/log/event-log.ts';
import type { Api } from './api.ts';

type ReadPage = (query: EventQuery) => Promise<EventPage>;

export function readEventsThrough(api: Pick<Api, 'get'>): ReadPage {
  return (query) => api.get<EventPage>(`/events?${new URLSearchParams(toEventsQuery(query))}`);
}

/** The members of a query as `GET /events` takes them. Pure. */
export function toEventsQuery({ streams, types, to, before, take: _, ...query }: EventQuery): Record<string, string> {
  // The API has one upper bound, which is exclusive.
  const end = Math.min(before ?? Number.POSITIVE_INFINITY, to === undefined ? Number.POSITIVE_INFINITY : to + 1);
  const members = {
    ...query,
    ...(Number.isFinite(end) ? { before: end } : {}),
    ...(streams ? { stream: streams.join(',') } : {}),
    ...(types ? { type: types.join(',') } : {}),
  };
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [name, `${value}`]));
}
