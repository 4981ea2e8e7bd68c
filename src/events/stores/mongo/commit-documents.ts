/** Commits as documents of the collection `events`, and ranges of them as filters. Pure. */

import type { Filter } from 'mongodb';
import type { CommitRange, EventFilter } from '../../log/commit-store.ts';
import type { Commit } from '../../schema/event.ts';

/** The shape people see in a Mongo shell. */
export type CommitDocument = { _id: number } & Omit<Commit, 'slot'>;

export function toDocument({ slot, ...commit }: Commit): CommitDocument {
  return { _id: slot, ...commit };
}

export function toCommit({ _id, ...commit }: CommitDocument): Commit {
  return { slot: _id, ...commit };
}

export function toFilter({ afterSlot, toSlot, about }: CommitRange): Filter<CommitDocument> {
  const slots = { $gt: afterSlot, ...(toSlot === undefined ? {} : { $lte: toSlot }) };
  return { _id: slots, ...(about ? toAboutFilter(about) : {}) };
}

function toAboutFilter(about: EventFilter): Filter<CommitDocument> {
  const { streams, types, class: eventClass, service, node, container } = about;
  const event = {
    ...(streams ? { stream: { $in: streams } } : {}),
    ...(types ? { type: { $in: types } } : {}),
    ...(service === undefined ? {} : { 'data.service': service }),
    ...(node === undefined ? {} : { 'data.node': node }),
    ...(container === undefined ? {} : { 'data.container': container }),
  };
  const events = Object.keys(event).length > 0 ? { events: { $elemMatch: event } } : {};
  return { ...(eventClass ? { class: eventClass } : {}), ...events } as Filter<CommitDocument>;
}
