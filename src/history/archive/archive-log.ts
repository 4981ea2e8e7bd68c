/**
 * An exported log as a log to read: the file is checked once from end to end, and a few places in it are kept, with
 * what is said there, so that any commit and all about a thing is found by reading a little.
 */

import { createWriteStream, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../../errors.ts';
import type { CommitRange, EventFilter, ReadableStore } from '../../events/log/commit-store.ts';
import { subjectsFor } from '../../events/log/filter-subjects.ts';
import { createLogReader, type LogReader } from '../../events/log/log-reader.ts';
import type { Commit } from '../../events/schema/event.ts';
import { subjectsOf } from '../../events/schema/subjects.ts';
import { createTransferCheck } from './archive-check.ts';
import { isPacked, readBytes, readLines } from './archive-file.ts';
import { type CommitLine, type EventLine, toCommit, toStoredEvent } from './archive-lines.ts';
import type { TransferProgress } from './export.ts';
import { createPlaces, type Places, type Slots } from './offset-index.ts';

export type OpenExportOptions = { onProgress?: TransferProgress | undefined; signal?: AbortSignal | undefined };

export type ExportedLog = { log: LogReader; close(): Promise<void> };

/** In memory at a time. */
const rangeBytesMax = 4 * 1024 * 1024;

/**
 * @param path NDJSON, or packed (`.gz`): then it is unpacked into a temporary file while it is open
 * @throws AppError `file_missing` · `file_unreadable` · `transfer_line_invalid` · `export_partial` · the signal's reason
 */
export async function openExportedLog(path: string, options: OpenExportOptions = {}): Promise<ExportedLog> {
  const folder = isPacked(path) ? await mkdtemp(join(tmpdir(), 'co-export-')) : null;
  // A process that ends before it closes leaves nothing behind either.
  const removeAtExit = () => rmSync(folder!, { recursive: true, force: true });
  if (folder) process.once('exit', removeAtExit);
  const remove = async () => {
    if (folder) await rm(folder, { recursive: true, force: true });
    process.off('exit', removeAtExit);
  };
  try {
    const plain = folder ? join(folder, 'log.ndjson') : path;
    if (folder) await pipeline(readBytes(path, { signal: options.signal }), createWriteStream(plain));
    const places = await findPlaces(plain, options);
    return { log: createLogReader(createFileStore(plain, path, places)), close: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function findPlaces(path: string, { onProgress, signal }: OpenExportOptions): Promise<Places> {
  const check = createTransferCheck();
  const places = createPlaces();
  let begin = 0;
  for await (const lines of readLines(readBytes(path))) {
    signal?.throwIfAborted();
    for (const { text, end } of lines) {
      const checked = check.take(text);
      if (checked) places.add({ ...checked.commit, offset: begin }, subjectsOf(checked.commit.events ?? []));
      if (check.isBetweenCommits()) begin = end;
    }
    onProgress?.({
      position: check.head().position,
      end: check.manifest()!.through.position,
      events: check.totals().events,
    });
  }
  check.end();
  const { after } = check.manifest()!;
  if (after.slot > 0) {
    const message = `${path} begins after position ${after.position}: import it behind what comes before`;
    throw new AppError('export_partial', message);
  }
  places.setHead(check.head());
  return places;
}

function createFileStore(path: string, shownPath: string, places: Places): ReadableStore {
  /** @param bytesMax ends behind the commit that reaches it */
  const readSlots = async ({ afterSlot, toSlot }: Slots, isWanted: IsWanted, bytesMax: number): Promise<Commit[]> => {
    const commits: Commit[] = [];
    let begin = places.before({ slot: afterSlot + 1 }).offset;
    let bytes = 0;
    for await (const { commit, end } of readCommits(path, begin)) {
      if (commit.slot > afterSlot && isWanted(commit)) {
        commits.push(commit);
        bytes += end - begin;
      }
      begin = end;
      if (commit.slot < toSlot && bytes < bytesMax) continue;
      places.remember({ slot: commit.slot + 1, offset: end });
      break;
    }
    return commits;
  };

  const readRange = async ({ afterSlot, toSlot, limit, direction, about }: CommitRange): Promise<Commit[]> => {
    const isBackward = direction === 'backward';
    const subjects = about ? subjectsFor(about) : null;
    const range = { afterSlot, toSlot: Math.min(toSlot ?? Number.MAX_SAFE_INTEGER, places.head().slot) };
    const parts = places.partsAbout(subjects, range);
    for (const slots of isBackward ? cutBackward(parts, limit) : cutForward(parts, limit)) {
      // Backward they are read whole, however large: what is missing at their end would be skipped.
      const bytesMax = isBackward ? Number.POSITIVE_INFINITY : rangeBytesMax;
      const commits = await readSlots(slots, wantedBy(about, subjects), bytesMax);
      if (commits.length > 0) return isBackward ? commits.reverse() : commits;
    }
    return [];
  };

  return {
    description: `file ${shownPath}`,
    async readSlot(slot) {
      return slot < 1 ? null : ((await readRange({ afterSlot: slot - 1, limit: 1 }))[0] ?? null);
    },
    readRange,
    head: async () => places.head(),
    async slotOf(wanted) {
      let slot = 0;
      for await (const { commit } of readCommits(path, places.before(wanted).offset)) {
        const isAfter = 'position' in wanted ? commit.first > wanted.position : commit.at > wanted.time;
        if (!isAfter) slot = commit.slot;
        else if ('position' in wanted || commit.slot >= places.lastCorrection()) break;
      }
      return slot;
    },
  };
}

type IsWanted = (commit: Commit) => boolean;

function wantedBy(about: EventFilter | undefined, subjects: readonly string[] | null): IsWanted {
  return ({ class: eventClass, events }) => {
    if (about?.class !== undefined && about.class !== eventClass) return false;
    if (subjects === null) return true;
    const found = subjectsOf(events ?? []);
    return subjects.some((subject) => found.has(subject));
  };
}

function* cutForward(parts: readonly Slots[], size: number): Generator<Slots> {
  for (const { afterSlot, toSlot } of parts) {
    for (let slot = afterSlot; slot < toSlot; slot += size)
      yield { afterSlot: slot, toSlot: Math.min(toSlot, slot + size) };
  }
}

function* cutBackward(parts: readonly Slots[], size: number): Generator<Slots> {
  for (const { afterSlot, toSlot } of parts.toReversed()) {
    for (let slot = toSlot; slot > afterSlot; slot -= size)
      yield { afterSlot: Math.max(afterSlot, slot - size), toSlot: slot };
  }
}

/** The file was checked when it was opened. */
async function* readCommits(path: string, from: number): AsyncGenerator<{ commit: Commit; end: number }> {
  let header: CommitLine | null = null;
  let events: EventLine[] = [];
  for await (const lines of readLines(readBytes(path, { from }), { from })) {
    for (const { text, end } of lines) {
      const line = JSON.parse(text);
      if (line.line === 'end') return;
      if (header) events.push(line as EventLine);
      else header = line as CommitLine;
      if (!header.pruned && events.length < header.count) continue;
      yield { commit: toCommit(header, events.map(toStoredEvent)), end };
      [header, events] = [null, []];
    }
  }
}
