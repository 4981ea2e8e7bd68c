/**
 * The documents of the read models and the single writes to them: rows, checkpoint, sweep, and the rebuild beside.
 * Decides nothing about when.
 */

import { randomUUID } from 'node:crypto';
import { type AnyBulkWriteOperation, type Collection, type Db, MongoBulkWriteError, MongoServerError } from 'mongodb';
import { AppError } from '../../errors.ts';
import { type ContainerRow, containerRow } from '../rows/container-row.ts';
import { type NodeRow, nodeRow } from '../rows/node-row.ts';
import { type ServiceRow, serviceRow } from '../rows/service-row.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import { projectionVersion } from '../view/evolve.ts';
import { withDeadline } from './operation-deadline.ts';

/** Names of the rows that may have changed. */
export type Keys = { services: Set<string>; containers: Set<string>; nodes: Set<string> };

export const noKeys = (): Keys => ({ services: new Set(), containers: new Set(), nodes: new Set() });

/** `_id` is the service's name, the container's id, the node's id; the rest are the fields of the public row. */
export type RowDocument = { _id: string } & (ServiceRow | ContainerRow | NodeRow);

type Item = { position: number } | { latest: { position: number } };

/** How each collection follows from the view. */
export type ReadModel = {
  collection: 'service_config' | 'container_config' | 'node_config';
  keys: keyof Keys;
  items(view: ClusterView): ReadonlyMap<string, Item>;
  positionOf(item: Item): number;
  /** null when the view does not have it (any more). */
  row(view: ClusterView, id: string): RowDocument | null;
};

const positionOf = (item: Item): number => ('position' in item ? item.position : item.latest.position);

export const readModels: readonly ReadModel[] = [
  {
    collection: 'service_config',
    keys: 'services',
    items: (view) => view.services,
    positionOf,
    row: (view, id) => withId(id, view.services.get(id), (service) => serviceRow(view, service)),
  },
  {
    collection: 'container_config',
    keys: 'containers',
    items: (view) => view.containers,
    positionOf,
    row: (view, id) => withId(id, view.containers.get(id), containerRow),
  },
  {
    collection: 'node_config',
    keys: 'nodes',
    items: (view) => view.nodes,
    positionOf,
    row: (view, id) => withId(id, view.nodes.get(id), nodeRow),
  },
];

function withId<T>(id: string, item: T | undefined, row: (item: T) => ServiceRow | ContainerRow | NodeRow) {
  return item ? { _id: id, ...row(item) } : null;
}

/** Rows of one bulk write: some hundred kilobytes, and a yield to everything else between two. */
const batchRows = 1_000;

/**
 * Writes the rows as the view has them now, each only over a lower position, so one that is late does no harm; deletes
 * those the view does not have, unless they were written again above `position`.
 */
export async function writeRows(db: Db, view: ClusterView, keys: Keys, position: number): Promise<void> {
  for (const model of readModels) {
    const ids = [...keys[model.keys]];
    for (let start = 0; start < ids.length; start += batchRows) {
      const operations = ids.slice(start, start + batchRows).map((id) => writeOf(model.row(view, id), id, position));
      await writeBulk(db.collection<RowDocument>(model.collection), operations);
    }
  }
}

function writeOf(row: RowDocument | null, id: string, position: number): AnyBulkWriteOperation<RowDocument> {
  if (row === null) return { deleteOne: { filter: { _id: id, position: { $lte: position } } } };
  const { _id, ...replacement } = row;
  return { replaceOne: { filter: { _id, position: { $lt: row.position } }, replacement, upsert: true } };
}

/** A duplicate key means a row of the same or a higher position is there: what we wanted. */
async function writeBulk(
  collection: Collection<RowDocument>,
  operations: AnyBulkWriteOperation<RowDocument>[],
): Promise<void> {
  try {
    await withDeadline(collection.bulkWrite(operations, { ordered: false }));
  } catch (error) {
    const errors = error instanceof MongoBulkWriteError ? [error.writeErrors].flat() : [];
    if (errors.length === 0 || errors.some(({ code }) => code !== duplicateKey)) throw error;
  }
}

const duplicateKey = 11000;

/** Deletes the rows of what the view does not have. Reads every id, so not for every flush. */
export async function sweepRows(db: Db, view: ClusterView): Promise<void> {
  for (const model of readModels) {
    const collection = db.collection<RowDocument>(model.collection);
    const stored = await withDeadline(collection.find({}, { projection: { _id: 1, position: 1 } }).toArray());
    // What has a higher position than the view was written by a leader that knows more.
    const gone = stored.filter(({ _id, position }) => !model.items(view).has(_id) && position <= view.position);
    for (let start = 0; start < gone.length; start += batchRows) {
      const operations = gone
        .slice(start, start + batchRows)
        .map(({ _id, position }) => ({ deleteOne: { filter: { _id, position } } }));
      await writeBulk(collection, operations);
    }
  }
}

export type Checkpoint = {
  /** Every row changed at or below it is written. */
  position: number;
  at: string;
  projectionVersion: number;
  /** Changes with each rebuild: a leader that finds another than it knows catches up again. */
  rebuildId: string;
};

type CheckpointDocument = Checkpoint & { _id: string };

const checkpointId = 'read-models';
const checkpointsOf = (db: Db) => db.collection<CheckpointDocument>('checkpoints');

/** null before the first row. */
export async function readCheckpoint(db: Db): Promise<Checkpoint | null> {
  return withDeadline(checkpointsOf(db).findOne({ _id: checkpointId }, { projection: { _id: 0 } }));
}

/** Before the first row. */
export async function startCheckpoint(db: Db): Promise<Checkpoint> {
  try {
    const first = emptyCheckpoint();
    await withDeadline(checkpointsOf(db).insertOne({ _id: checkpointId, ...first }));
    return first;
  } catch (error) {
    if (!(error instanceof MongoServerError && error.code === duplicateKey)) throw error;
    throw new AppError('checkpoint_taken', 'another process began to write the read models', { retryable: true });
  }
}

async function resetCheckpoint(db: Db): Promise<Checkpoint> {
  const reset = emptyCheckpoint();
  await withDeadline(checkpointsOf(db).replaceOne({ _id: checkpointId }, reset, { upsert: true }));
  return reset;
}

function emptyCheckpoint(): Checkpoint {
  return { position: 0, at: new Date(0).toISOString(), projectionVersion, rebuildId: randomUUID() };
}

/** @returns null when the collections were rebuilt meanwhile, or another wrote further: catch up again */
export async function writeCheckpoint(
  db: Db,
  known: Checkpoint,
  reached: { position: number; at: string },
): Promise<Checkpoint | null> {
  const filter = { _id: checkpointId, rebuildId: known.rebuildId, position: { $lte: reached.position } };
  const { matchedCount } = await withDeadline(checkpointsOf(db).updateOne(filter, { $set: reached }));
  return matchedCount === 1 ? { ...known, ...reached } : null;
}

/**
 * Writes all three collections again from a view, beside the present ones, and renames over them: a reader sees the old
 * rows or the new, never half. The checkpoint is lowered first and raised last, so a crash in between is caught up by
 * the leader; one that is writing meanwhile notices and catches up too.
 * @throws AppError `rename_unsupported` when the server cannot rename over a collection
 */
export async function rebuildReadModels(db: Db, view: ClusterView): Promise<void> {
  const { position, at } = view;
  for (const { collection, items, row } of readModels) {
    const beside = db.collection<RowDocument>(besideOf(collection));
    await dropIfThere(db, besideOf(collection));
    const ids = [...items(view).keys()];
    // Without a row there would be nothing to rename.
    await withDeadline(db.createCollection(besideOf(collection)));
    for (let start = 0; start < ids.length; start += batchRows) {
      // What left the view since is no row; what changed since is above the position and is caught up.
      const rows = ids.slice(start, start + batchRows).flatMap((id) => row(view, id) ?? []);
      if (rows.length > 0) await withDeadline(beside.insertMany(rows));
    }
  }
  const reset = await resetCheckpoint(db);
  for (const { collection } of readModels) await renameOver(db, besideOf(collection), collection);
  await writeCheckpoint(db, reset, { position, at });
}

const besideOf = (collection: string): string => `${collection}_rebuild`;

/** A rebuild that crashed left it. */
async function dropIfThere(db: Db, collection: string): Promise<void> {
  const found = await withDeadline(db.listCollections({ name: collection }, { nameOnly: true }).toArray());
  if (found.some(({ name }) => name === collection)) await withDeadline(db.collection(collection).drop());
}

async function renameOver(db: Db, from: string, to: string): Promise<void> {
  try {
    await withDeadline(db.collection(from).rename(to, { dropTarget: true }));
  } catch (error) {
    const isUnknown =
      error instanceof MongoServerError && (error.code === 59 || /no such command/i.test(error.message));
    if (!isUnknown) throw error;
    throw new AppError('rename_unsupported', `this server cannot rename ${from} over ${to}`, { cause: error });
  }
}
