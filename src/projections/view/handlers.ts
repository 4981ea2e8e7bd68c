/**
 * What a handler of events is: the table type that makes a forgotten event type a compile error, and the
 * assertion for logs that cannot be true. Folds nothing itself.
 */

import type { EventType } from '../../events/schema/catalog.ts';
import type { LogEvent } from '../../events/schema/event.ts';
import type { Cause } from './cause.ts';
import type { ClusterView } from './cluster-view.ts';
import type { Touched } from './touched.ts';

/** Changes the view, and adds to `touched` what the planner has to evaluate because of it. */
export type Handler<T extends EventType> = (view: ClusterView, event: LogEvent<T>, touched: Touched) => void;

/** One entry for each event type there is. */
export type Handlers = { readonly [T in EventType]: Handler<T> };

/** The event says nothing about the state of the cluster. */
export const ignored = (): void => {};

/**
 * What the fold needs is not in the view: the log is damaged, or the program that wrote it was. Names the position. Not an
 * assertion of Node.js: browsers fold as well.
 */
export function illegal(event: LogEvent, why: string): never {
  throw new Error(`position ${event.position}: ${event.type} on ${event.stream}: ${why}`);
}

export function causeOf(event: LogEvent): Cause {
  return { position: event.position, eventId: event.meta.eventId, correlationId: event.meta.correlationId };
}
