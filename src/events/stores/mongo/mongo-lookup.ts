/** What a writer asks of the collection before it appends: the head, the versions of streams, the appends it may have made. */

import type { Collection } from 'mongodb';
import type { KeptAppend, Lookup, StoreIndex } from '../../log/commit-store.ts';
import { emptyHead, type LogHead } from '../../log/event-log.ts';
import { appendsOf } from '../../log/log-state.ts';
import type { CommitDocument } from './commit-documents.ts';
import { ask } from './mongo-operation.ts';

/** Headers of one answer. */
const pageSize = 1_000;
const batchSize = 100;
/** Some seconds' worth of headers. */
const commitsReadMax = 50_000;

export async function readHead(collection: Collection<CommitDocument>): Promise<LogHead> {
  const projection = { first: 1, count: 1, at: 1, hash: 1 };
  const last = await ask(() => collection.findOne({}, { sort: { _id: -1 }, projection }));
  if (!last) return emptyHead;
  return { slot: last._id, position: last.first + last.count - 1, at: last.at, hash: last.hash };
}

/** Reads every header of a short log; a long one would keep its manager waiting, so that one is asked as it goes. */
export async function readIndex(collection: Collection<CommitDocument>, streamsMax: number): Promise<StoreIndex> {
  const head = await readHead(collection);
  // Terms only rise, so the last one written is the highest.
  const led = await ask(() => collection.findOne({ 'appends.term': { $gt: 0 } }, { sort: { _id: -1 } }));
  const term = Math.max(0, ...(led?.appends ?? []).map(({ term: under = 0 }) => under));
  if (head.slot > commitsReadMax) return { head, term, known: null };
  const versions = new Map<string, number>();
  const appends: KeptAppend[] = [];
  for (let after = 0; after < head.slot; ) {
    const filter = { _id: { $gt: after, $lte: head.slot } };
    const page = await ask(() =>
      collection.find(filter, { sort: { _id: 1 }, limit: pageSize, projection: headerFields }).toArray(),
    );
    if (page.length === 0) break;
    for (const document of page) {
      for (const { stream, version } of document.events ?? []) if (version > 0) versions.set(stream, version);
      appends.push(...appendsOf(document));
    }
    after = page.at(-1)!._id;
  }
  return { head, term, known: versions.size > streamsMax ? null : { versions, appends } };
}

const headerFields = { first: 1, at: 1, appends: 1, 'events.stream': 1, 'events.version': 1 };

/** Streams of the cluster as a whole grow for ever: their last event is looked for, not all of them. */
const isLong = (stream: string) => !stream.includes('/');

export async function lookUp(
  collection: Collection<CommitDocument>,
  { streams, appendIds }: { streams: readonly string[]; appendIds: readonly string[] },
): Promise<Lookup> {
  const findLast = async (stream: string) => {
    const filter = { 'events.stream': stream };
    const last = await ask(() => collection.findOne(filter, { sort: { _id: -1 }, projection: headerFields }));
    return [stream, last?.events?.findLast((event) => event.stream === stream)?.version ?? 0] as const;
  };
  /** One query for all of them, from the newest back: most are new, and found nowhere. */
  const findHighest = async (asked: readonly string[]) => {
    const missing = new Set(asked);
    const versions: (readonly [string, number])[] = [];
    if (missing.size === 0) return versions;
    const filter = { 'events.stream': { $in: asked } };
    const cursor = collection.find(filter, { sort: { _id: -1 }, projection: headerFields, batchSize });
    for await (const { events } of cursor) {
      for (const { stream, version } of (events ?? []).toReversed()) {
        if (missing.delete(stream)) versions.push([stream, version]);
      }
      if (missing.size === 0) break;
    }
    return versions;
  };
  const findAppends = async () => {
    if (appendIds.length === 0) return [];
    const filter = { 'appends.appendId': { $in: appendIds } };
    const found = await ask(() => collection.find(filter, { sort: { _id: 1 }, projection: headerFields }).toArray());
    return found.flatMap(appendsOf).filter(({ append }) => appendIds.includes(append.appendId));
  };
  const [long, short] = [streams.filter(isLong), streams.filter((stream) => !isLong(stream))];
  const [lasts, highest, appends] = await Promise.all([
    Promise.all(long.map(findLast)),
    ask(() => findHighest(short)),
    findAppends(),
  ]);
  return { versions: [...lasts, ...highest], appends };
}
