/**
 * Turns stored events into what readers get: the header's facts put back on each, and older schema versions
 * lifted to the present one. Pure.
 */

import { AppError } from '../../errors.ts';
import { catalog } from './catalog.ts';
import { type Upcasters, upcasters } from './catalog-upcasters.ts';
import type { Commit, LogEvent, StoredEvent } from './event.ts';

/** What is known of an event that cannot be read. */
export type UnreadableEvent = { position: number; stream: string; type: string; at: string };

export type Upcast = (
  commit: Commit,
  /** Called with each event that cannot be read, which is then left out; without it the first one ends the look. */
  onUnreadable?: (event: UnreadableEvent, error: Error) => void,
) => LogEvent[];

/**
 * The events of a commit in the current schema versions; none when it was pruned.
 * @throws AppError `event_type_unknown` · `event_version_unknown` (details.position, .slot, .type)
 */
export const toLogEvents: Upcast = createUpcaster(catalog, upcasters);

/**
 * @param known every type with its present schema version
 * @throws Error when a step between 1 and a present version is missing
 */
export function createUpcaster(
  known: Readonly<Record<string, { readonly schemaVersion: number }>>,
  upcasters: Upcasters,
): Upcast {
  // A parsed event brings its own copy of its type's name: with ours, whatever looks it up next need not hash it again.
  const currents = new Map(Object.entries(known).map(([type, { schemaVersion }]) => [type, { type, schemaVersion }]));
  for (const [type, { schemaVersion }] of Object.entries(known)) {
    for (let version = 1; version < schemaVersion; version += 1) {
      if (!upcasters.has(`${type}@${version}`)) throw new Error(`${type} has no upcaster from version ${version}`);
    }
  }

  /** @throws whatever an upcaster throws */
  const lift = ({ type, schemaVersion, data }: StoredEvent, current: number): unknown => {
    let lifted = data;
    for (let version = schemaVersion; version < current; version += 1) {
      lifted = upcasters.get(`${type}@${version}`)!(lifted);
    }
    return lifted;
  };

  // A replay spends a tenth of its time here: one loop, and each event written out once.
  return (commit, onUnreadable) => {
    const { slot, events, first, at } = commit;
    if (events === null) return [];
    const terms = termsOf(commit);
    const read: LogEvent[] = [];
    for (const [index, stored] of events.entries()) {
      const { stream, version } = stored;
      const position = first + index;
      try {
        const current = currents.get(stored.type);
        if (current === undefined || stored.schemaVersion > current.schemaVersion) {
          throw writtenByNewer(stored, { position, slot }, current?.schemaVersion ?? null);
        }
        const { type, schemaVersion } = current;
        const data = lift(stored, schemaVersion);
        const meta = metaOf(stored, commit, terms?.[index]);
        read.push({ position, stream, version, type, schemaVersion, at, data, meta } as LogEvent);
      } catch (error) {
        if (!onUnreadable || !(error instanceof Error)) throw error;
        onUnreadable({ position, stream, type: stored.type, at }, error);
      }
    }
    return read;
  };
}

function metaOf({ meta }: StoredEvent, { commitId }: Commit, term: number | undefined): LogEvent['meta'] {
  const { eventId, actor, requestId, correlationId, causationId } = meta;
  const read = { eventId, commitId, actor, requestId, correlationId, causationId };
  return term === undefined ? read : { ...read, term };
}

/** The term each event was written under, by index; null when none was. */
function termsOf({ appends }: Commit): (number | undefined)[] | null {
  if (appends.every(({ term }) => term === undefined)) return null;
  return appends.flatMap(({ count, term }) => new Array<number | undefined>(count).fill(term));
}

function writtenByNewer(
  { type, schemaVersion }: StoredEvent,
  { position, slot }: { position: number; slot: number },
  current: number | null,
): AppError {
  const details = { position, slot, type };
  const where = `position ${position} (slot ${slot})`;
  if (current === null) {
    const message = `${where}: the event type ${type} is unknown: a newer program wrote it`;
    return new AppError('event_type_unknown', message, { details });
  }
  const message = `${where}: ${type} has schema version ${schemaVersion}, this program knows ${current}`;
  return new AppError('event_version_unknown', `${message}: a newer program wrote it`, { details });
}
