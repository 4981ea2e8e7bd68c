/** Owns how stored events become the events readers get, until the events part brings its own with upcasting. */

import { isEventType } from '../events/catalog.ts';
import type { Commit, LogEvent } from '../events/event.ts';

export function toLogEvents(commit: Commit): LogEvent[] {
  const terms = commit.appends.flatMap(({ count, term }) => Array<number | undefined>(count).fill(term));
  return (commit.events ?? []).map((stored, index) => {
    const position = commit.first + index;
    if (!isEventType(stored.type)) throw new Error(`position ${position}: the event type ${stored.type} is unknown`);
    const term = terms[index];
    const meta = { ...stored.meta, commitId: commit.commitId, ...(term === undefined ? {} : { term }) };
    return { ...stored, position, at: commit.at, meta } as LogEvent;
  });
}
