/**
 * The commit store on MongoDB: documents of the collection `events`, whose `_id` is the slot; its uniqueness decides which
 * writer has a slot. On a replica set nothing counts before a majority has it, in writing and in reading.
 */

import { type Db, type Filter, ReadConcern, WriteConcern } from 'mongodb';
import { AppError } from '../../../errors.ts';
import type { Logger } from '../../../logger.ts';
import type { CommitStore } from '../../log/commit-store.ts';
import type { Commit } from '../../schema/event.ts';
import { type CommitDocument, toCommit, toDocument, toFilter } from './commit-documents.ts';
import { createInsertWatch } from './insert-watch.ts';
import { lookUp, readHead, readIndex } from './mongo-lookup.ts';
import { ask, describeServer, isDuplicateKey } from './mongo-operation.ts';

export type MongoStoreOptions = {
  /** For people, without a password. */
  description: string;
  /** Makes no collection and no index: for a user who may only read, or mistook the database. Default false. */
  isReadOnly?: boolean;
};

/** Documents of one answer of the database; a commit is at most 1 MB. */
const batchSize = 100;
const rangeEventsMax = 4_096;
const pruneStep = 1_000;

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

async function hasReplicaSet(db: Db): Promise<boolean> {
  return typeof (await describeServer(db)).setName === 'string';
}
