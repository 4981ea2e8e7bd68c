/** Reads the collections back, as they are, to be compared with the log. Writes nothing. */

import type { Db } from 'mongodb';
import { projectionVersion } from '../view/evolve.ts';
import { type Checkpoint, type Keys, type RowDocument, readCheckpoint, readModels } from './read-model-documents.ts';

export type StoredRows = {
  /** Read before the rows: every row changed at or below it is among them. */
  checkpoint: Checkpoint;
  rows: Record<keyof Keys, RowDocument[]>;
};

/**
 * What the collections hold; rows above the checkpoint are those a leader wrote meanwhile.
 * @returns null when no leader has written them yet, or one of another version of the projection
 */
export async function readStoredRows(db: Db): Promise<StoredRows | null> {
  const checkpoint = await readCheckpoint(db);
  if (checkpoint === null || checkpoint.projectionVersion !== projectionVersion) return null;
  const rows: StoredRows['rows'] = { services: [], containers: [], nodes: [] };
  for (const { collection, keys } of readModels) {
    rows[keys] = await db.collection<RowDocument>(collection).find().toArray();
  }
  return { checkpoint, rows };
}
