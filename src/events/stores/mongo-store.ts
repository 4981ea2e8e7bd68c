/**
 * Owns commits as documents of the MongoDB collection `events`: `_id` is the slot, and its uniqueness is what decides
 * who has it. On a replica set nothing counts before a majority has it, in writing and in reading.
 */

import {
  type ChangeStream,
  type Collection,
  type Db,
  type Document,
  type Filter,
  MongoServerError,
  ReadConcern,
  WriteConcern,
} from 'mongodb';
import { AppError, errorMessage } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { CommitRange, CommitStore, EventFilter, KeptAppend, Lookup, StoreIndex } from '../log/commit-store.ts';
import { emptyHead, type LogHead } from '../log/event-log.ts';
import { appendsOf } from '../log/log-state.ts';
import type { Commit } from '../schema/event.ts';

/** The shape people see in a Mongo shell. */
export type CommitDocument = { _id: number } & Omit<Commit, 'slot'>;

export type MongoStoreOptions = {
  /** For people, without a password. */
  description: string;
  /** Makes no collection and no index: for who may only read, or mistook the database. Default false. */
  isReadOnly?: boolean;
};

/** The driver would wait for ever. What comes later than this has an unknown outcome and is asked again. */
const operationDeadlineMs = 10_000;
/** Documents of one answer of the database; a commit is at most 1 MB. */
const batchSize = 100;
const rangeEventsMax = 4_096;
const pruneStep = 1_000;
/** Some seconds' worth of headers. */
const commitsReadMax = 50_000;
/** A change stream that broke is opened again after this; the poll of whoever follows fills the gap. */
const watchAgainMs = 2_000;

const indexes: { key: Record<string, 1>; name: string }[] = [
  { key: { first: 1 }, name: 'position' },
  { key: { at: 1 }, name: 'time' },
  { key: { 'events.stream': 1 }, name: 'stream' },
  { key: { 'appends.appendId': 1 }, name: 'append' },
  { key: { 'events.type': 1 }, name: 'type' },
  { key: { 'events.data.service': 1 }, name: 'service' },
  { key: { 'events.data.node': 1 }, name: 'node' },
  { key: { 'events.data.container': 1 }, name: 'container' },
];

/** @throws AppError `log_unavailable` when the database does not answer */
export async function createMongoStore(
  { db, logger }: { db: Db; logger: Logger },
  { description, isReadOnly = false }: MongoStoreOptions,
): Promise<CommitStore> {
  const isReplicaSet = await ask(() => hasReplicaSet(db));
  const collection = db.collection<CommitDocument>('events', {
    readConcern: new ReadConcern(isReplicaSet ? 'majority' : 'local'),
    writeConcern: new WriteConcern('majority', undefined, true),
  });
  if (!isReadOnly) await ask(() => collection.createIndexes(indexes));
  const insertWatch = createInsertWatch(collection, logger);
  const lastBefore = async (filter: Filter<CommitDocument>) =>
    (await ask(() => collection.findOne(filter, { sort: { _id: -1 }, projection: { _id: 1 } })))?._id ?? 0;

  return {
    description,
    readIndex: (streamsMax) => readIndex(collection, streamsMax),
    lookUp: (asked) => lookUp(collection, asked),
    async insert({ commit }) {
      if (isReadOnly) throw new AppError('log_read_only', `the log at ${description} was opened for reading only`);
      try {
        await ask(() => collection.insertOne(toDocument(commit)));
        return 'inserted';
      } catch (error) {
        if (isDuplicateKey(error)) return 'taken';
        throw error;
      }
    },
    async readSlot(slot) {
      const document = await ask(() => collection.findOne({ _id: slot }));
      return document ? toCommit(document) : null;
    },
    async readRange(range) {
      const { limit, direction } = range;
      const order = direction === 'backward' ? -1 : 1;
      const cursor = collection.find(toFilter(range), { sort: { _id: order }, limit, batchSize });
      return ask(() => readSome(cursor)).finally(() => cursor.close().catch(() => {}));
    },
    head: () => readHead(collection),
    slotOf: (wanted) =>
      lastBefore('position' in wanted ? { first: { $lte: wanted.position } } : { at: { $lte: wanted.time } }),
    onInserted: insertWatch.onInserted,
    async prune({ afterSlot = 0, throughSlot }) {
      const total = { commits: 0, events: 0 };
      const unpruned: Filter<CommitDocument> = {
        _id: { $gt: afterSlot, $lte: throughSlot },
        class: 'telemetry',
        events: { $ne: null },
      };
      for (;;) {
        const some = await ask(() =>
          collection.find(unpruned, { sort: { _id: 1 }, limit: pruneStep, projection: { count: 1 } }).toArray(),
        );
        if (some.length === 0) return total;
        const slots = some.map(({ _id }) => _id);
        await ask(() => collection.updateMany({ _id: { $in: slots } }, { $set: { events: null } }));
        total.commits += some.length;
        total.events += some.reduce((sum, { count }) => sum + count, 0);
      }
    },
    close: insertWatch.close,
  };
}

function toDocument({ slot, ...commit }: Commit): CommitDocument {
  return { _id: slot, ...commit };
}

function toCommit({ _id, ...commit }: CommitDocument): Commit {
  return { slot: _id, ...commit };
}

function toFilter({ afterSlot, toSlot, about }: CommitRange): Filter<CommitDocument> {
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

async function readSome(cursor: AsyncIterable<CommitDocument>): Promise<Commit[]> {
  const commits: Commit[] = [];
  let events = 0;
  for await (const document of cursor) {
    commits.push(toCommit(document));
    events += document.count;
    if (events >= rangeEventsMax) break;
  }
  return commits;
}

async function readHead(collection: Collection<CommitDocument>): Promise<LogHead> {
  const projection = { first: 1, count: 1, at: 1, hash: 1 };
  const last = await ask(() => collection.findOne({}, { sort: { _id: -1 }, projection }));
  if (!last) return emptyHead;
  return { slot: last._id, position: last.first + last.count - 1, at: last.at, hash: last.hash };
}

/** Reads every header of a short log; a long one would keep its manager waiting, so that one is asked as it goes. */
async function readIndex(collection: Collection<CommitDocument>, streamsMax: number): Promise<StoreIndex> {
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
      collection.find(filter, { sort: { _id: 1 }, limit: pruneStep, projection: headerFields }).toArray(),
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

async function lookUp(
  collection: Collection<CommitDocument>,
  { streams, appendIds }: { streams: readonly string[]; appendIds: readonly string[] },
): Promise<Lookup> {
  const findLast = async (stream: string) => {
    const filter = { 'events.stream': stream };
    const last = await ask(() => collection.findOne(filter, { sort: { _id: -1 }, projection: headerFields }));
    return [stream, last?.events?.findLast((event) => event.stream === stream)?.version ?? 0] as const;
  };
  /** One question for all of them, from the newest back: most are new, and found nowhere. */
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

/** Rings at every insert, also of other processes; without a replica set there is nothing to watch. */
function createInsertWatch(collection: Collection<CommitDocument>, logger: Logger) {
  const listeners = new Set<(slot: number) => void>();
  let stream: ChangeStream | null = null;
  let timer: NodeJS.Timeout | null = null;
  let isClosed = false;

  const open = () => {
    timer = null;
    if (isClosed || listeners.size === 0 || stream) return;
    const opened = collection.watch([
      { $match: { operationType: 'insert' } },
      { $project: { _id: 1, documentKey: 1 } },
    ]);
    stream = opened;
    opened.on('change', (change) => {
      if (change.operationType !== 'insert') return;
      for (const listener of listeners) listener(change.documentKey._id);
    });
    opened.on('error', (error) => {
      logger.debug({ err: error }, 'the change stream broke; the log is polled until it is back');
      stream = null;
      opened.close().catch(() => {});
      if (!isClosed && !isUnsupported(error)) timer = setTimeout(open, watchAgainMs);
    });
  };

  return {
    onInserted(listener: (slot: number) => void): () => void {
      listeners.add(listener);
      if (!timer) open();
      return () => listeners.delete(listener);
    },
    async close(): Promise<void> {
      isClosed = true;
      if (timer) clearTimeout(timer);
      await stream?.close().catch(() => {});
    },
  };
}

/** "The $changeStream stage is only supported on replica sets" */
const isUnsupported = (error: unknown) => error instanceof MongoServerError && error.code === 40573;

/** Authentication failed (18, 8000), or the user may not do this (13): asking again gets the same answer. */
const isRefused = (error: unknown) => error instanceof MongoServerError && [13, 18, 8000].includes(Number(error.code));

const isDuplicateKey = (error: unknown) => error instanceof MongoServerError && error.code === 11000;

async function hasReplicaSet(db: Db): Promise<boolean> {
  const hello: Document = await db.command({ hello: 1 }).catch((error: unknown) => {
    // Every real server of the last years knows `hello`.
    if (error instanceof MongoServerError) return {};
    throw error;
  });
  return typeof hello.setName === 'string';
}

/**
 * Any trouble but a duplicate key leaves the outcome unknown: the connection broke, no majority answered in time, the
 * primary stepped down. The caller asks again.
 * @throws AppError `log_unavailable` · MongoServerError of a duplicate key
 */
async function ask<T>(operation: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `the database did not answer within ${operationDeadlineMs} ms`;
    timer = setTimeout(() => reject(new Error(message)), operationDeadlineMs);
  });
  try {
    return await Promise.race([operation(), late]);
  } catch (error) {
    if (isDuplicateKey(error)) throw error;
    const words = errorMessage(error);
    throw new AppError('log_unavailable', `MongoDB: ${words}`, { retryable: !isRefused(error), cause: error });
  } finally {
    clearTimeout(timer);
  }
}
