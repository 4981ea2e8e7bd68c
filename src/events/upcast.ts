/**
 * Owns how stored events become what readers get: the header's facts put back on each, and older schema versions
 * lifted to the present one. Pure.
 */

import { AppError } from '../errors.ts';
import { catalog } from './catalog.ts';
import { upcasters } from './catalog-upcasters.ts';
import type { Commit, LogEvent, StoredEvent } from './event.ts';

/** Lifts `data` of one schema version to the next. Changes nothing in what it is given. */
export type Upcaster = (data: unknown) => unknown;

/** `<type>@<version>` → the step to the next version. Every shape ever written is still readable through these. */
export type Upcasters = ReadonlyMap<string, Upcaster>;

/** What is known of an event that cannot be read. */
export type UnreadableEvent = { position: number; stream: string; type: string; at: string };

export type Upcast = (
  commit: Commit,
  /** Told of each event that cannot be read, which is then left out; without it the first one ends the look. */
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
  const currents = new Map(Object.entries(known).map(([type, { schemaVersion }]) => [type, schemaVersion]));
  for (const [type, { schemaVersion }] of Object.entries(known)) {
    for (let version = 1; version < schemaVersion; version += 1) {
      if (!upcasters.has(`${type}@${version}`)) throw new Error(`${type} has no upcaster from version ${version}`);
    }
  }

  /** @throws AppError · whatever an upcaster throws */
  const lift = (stored: StoredEvent, place: { position: number; slot: number }): unknown => {
    const { type, data } = stored;
    const current = currents.get(type);
    if (current === stored.schemaVersion) return data;
    if (current === undefined || stored.schemaVersion > current) throw writtenByNewer(stored, place, current ?? null);
    let lifted = data;
    for (let version = stored.schemaVersion; version < current; version += 1) {
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
      const { stream, version, type } = stored;
      const position = first + index;
      try {
        const data = lift(stored, { position, slot });
        const schemaVersion = currents.get(type)!;
        const meta = metaOf(stored, commit, terms?.[index]);
        read.push({ position, stream, version, type, schemaVersion, at, data, meta } as LogEvent);
      } catch (error) {
        if (!onUnreadable || !(error instanceof Error)) throw error;
        onUnreadable({ position, stream, type, at }, error);
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
