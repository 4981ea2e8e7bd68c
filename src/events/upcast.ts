/**
 * Owns how stored events become what readers get: the header's facts put back on each, and older schema versions
 * lifted to the present one. Pure.
 */

import { AppError } from '../errors.ts';
import { catalog } from './catalog.ts';
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
export const toLogEvents: Upcast = createUpcaster(catalog, new Map());

/**
 * @param known every type with its present schema version
 * @throws Error when a step between 1 and a present version is missing
 */
export function createUpcaster(
  known: Readonly<Record<string, { readonly schemaVersion: number }>>,
  upcasters: Upcasters,
): Upcast {
  const currentOf = (type: string) => (Object.hasOwn(known, type) ? known[type]!.schemaVersion : null);
  for (const [type, { schemaVersion }] of Object.entries(known)) {
    for (let version = 1; version < schemaVersion; version += 1) {
      if (!upcasters.has(`${type}@${version}`)) throw new Error(`${type} has no upcaster from version ${version}`);
    }
  }

  const lift = ({ type, data, schemaVersion }: StoredEvent, current: number): unknown => {
    let lifted = data;
    for (let version = schemaVersion; version < current; version += 1) {
      lifted = upcasters.get(`${type}@${version}`)!(lifted);
    }
    return lifted;
  };

  return (commit, onUnreadable) => {
    const { events, first, at, commitId } = commit;
    if (events === null) return [];
    const terms = termsOf(commit);
    return events.flatMap((stored, index) => {
      const { stream, version, type } = stored;
      const position = first + index;
      try {
        const schemaVersion = currentOf(type);
        if (schemaVersion === null || stored.schemaVersion > schemaVersion) {
          throw writtenByNewer(stored, { position, slot: commit.slot }, schemaVersion);
        }
        const data = lift(stored, schemaVersion);
        const term = terms[index];
        const meta = term === undefined ? { ...stored.meta, commitId } : { ...stored.meta, commitId, term };
        return [{ position, stream, version, type, schemaVersion, at, data, meta } as LogEvent];
      } catch (error) {
        if (!onUnreadable || !(error instanceof Error)) throw error;
        onUnreadable({ position, stream, type, at }, error);
        return [];
      }
    });
  };
}

/** The term each event was written under, by index. */
function termsOf({ appends }: Commit): (number | undefined)[] {
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
