/** What a decided request of a client is made of. */

import type { Expectation } from '../../events/log/event-log.ts';
import type { NewEvent } from '../../events/schema/event.ts';

export type RequestContext = { actor: string; requestId: string };

/** All events are appended or none, and only while the streams have the versions the decision was made from. */
export type Decision = { events: NewEvent[]; expect: Expectation[] };

export function metaOf({ actor, requestId }: RequestContext): NewEvent['meta'] {
  return { actor, requestId, causationId: null };
}
