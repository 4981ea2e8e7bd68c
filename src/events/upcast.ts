/**
 * Owns how stored events become what readers get: the header's facts put back on each, and older schema versions
 * lifted to the present one. Pure.
 */

import { AppError } from '../errors.ts';
import { catalog, type EventType, isEventType } from './catalog.ts';
import type { Commit, LogEvent, StoredEvent } from './event.ts';

/** Lifts `data` of one schema version to the next. */
type Upcaster = (data: unknown) => unknown;

/** `<type>@<version>` → the step to the next version. Every shape ever written is still readable through these. */
const upcasters: ReadonlyMap<string, Upcaster> = new Map();

/**
 * The events of a commit in the current schema versions; none when it was pruned.
 * @throws AppError `event_type_unknown` · `event_version_unknown` (details.position, .slot, .type)
 */
export function toLogEvents(commit: Commit): LogEvent[] {
  const { events, first, at, commitId } = commit;
  if (events === null) return [];
  const terms = termsOf(commit);
  return events.map((stored, index) => {
    const position = first + index;
    const data = upcast(stored, { position, slot: commit.slot });
    const { type, stream, version } = stored;
    const schemaVersion = catalog[type as EventType].schemaVersion;
    const term = terms[index];
    const meta = term === undefined ? { ...stored.meta, commitId } : { ...stored.meta, commitId, term };
    return { position, stream, version, type, schemaVersion, at, data, meta } as LogEvent;
  });
}

/** The term each event was written under, by index. */
function termsOf({ appends }: Commit): (number | undefined)[] {
  return appends.flatMap(({ count, term }) => new Array<number | undefined>(count).fill(term));
}

function upcast({ type, schemaVersion, data }: StoredEvent, place: { position: number; slot: number }): unknown {
  const details = { ...place, type };
  if (!isEventType(type)) {
    const message = `position ${place.position} (slot ${place.slot}): the event type ${type} is unknown`;
    throw new AppError('event_type_unknown', `${message}: a newer program wrote it`, { details });
  }
  const current: number = catalog[type].schemaVersion;
  if (schemaVersion > current) {
    const message = `position ${place.position} (slot ${place.slot}): ${type} has schema version ${schemaVersion}`;
    throw new AppError('event_version_unknown', `${message}, this program knows ${current}: a newer one wrote it`, {
      details,
    });
  }
  let lifted = data;
  for (let version = schemaVersion; version < current; version += 1) {
    const step = upcasters.get(`${type}@${version}`);
    if (!step) throw new Error(`${type} has no upcaster from version ${version}`);
    lifted = step(lifted);
  }
  return lifted;
}
