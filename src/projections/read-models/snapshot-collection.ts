/**
 * Keeps snapshots in the MongoDB collection `snapshots`: a document holds at most 16 MB, so each is cut into chunks. The
 * first chunk is written last: without it there is no snapshot.
 */

import { Binary, type Db } from 'mongodb';
import { type Snapshot, type SnapshotStore, thinOut } from '../snapshots/snapshot.ts';
import { withDeadline } from './operation-deadline.ts';

type Header = Omit<Snapshot, 'bytes'> & { chunks: number };
/** `header` is on chunk 0. */
type Chunk = { _id: string; slot: number; chunk: number; bytes: Binary; header?: Header };

const chunkBytes = 8 * 1024 * 1024;

export function createSnapshotCollection(db: Db): SnapshotStore {
  const collection = db.collection<Chunk>('snapshots');
  const idOf = (slot: number, chunk: number) => `${slot}/${chunk}`;

  let indexing: Promise<unknown> | null = null;

  /** Once; by the writer, because a reader may not be allowed to. */
  const ensureIndexes = async () => {
    indexing ??= withDeadline(
      collection.createIndexes([{ key: { chunk: 1, slot: -1 } }, { key: { slot: 1, chunk: 1 } }]),
    ).catch((error) => {
      indexing = null;
      throw error;
    });
    await indexing;
  };

  const discard = async (slot: number) => {
    await withDeadline(collection.deleteMany({ slot }));
  };

  return {
    async save({ bytes, ...header }) {
      await ensureIndexes();
      const chunks = Math.max(1, Math.ceil(bytes.length / chunkBytes));
      const { slot } = header;
      for (let chunk = chunks - 1; chunk >= 0; chunk -= 1) {
        const part = new Binary(bytes.subarray(chunk * chunkBytes, (chunk + 1) * chunkBytes));
        const document = { slot, chunk, bytes: part, ...(chunk === 0 ? { header: { ...header, chunks } } : {}) };
        await withDeadline(collection.replaceOne({ _id: idOf(slot, chunk) }, document, { upsert: true }));
      }
      const kept = await withDeadline(
        collection.find({ chunk: 0 }, { projection: { _id: 0, slot: 1, chunk: 1 } }).toArray(),
      );
      for (const old of thinOut(kept.map((first) => first.slot))) await discard(old);
    },
    async newest(notAfterSlot, { isChecked = false } = {}) {
      const filter = { chunk: 0, slot: { $lte: notAfterSlot }, ...(isChecked ? { 'header.isChecked': true } : {}) };
      const first = await withDeadline(collection.findOne(filter, { sort: { slot: -1 } }));
      if (!first?.header) return null;
      const { chunks, ...header } = first.header;
      const parts = [first.bytes];
      for (let chunk = 1; chunk < chunks; chunk += 1) {
        const part = await withDeadline(collection.findOne({ _id: idOf(first.slot, chunk) }));
        // A part that is missing shows in the hash.
        if (part) parts.push(part.bytes);
      }
      return { ...header, bytes: Buffer.concat(parts.map(({ buffer }) => buffer)) };
    },
    discard,
    async discardAfter(slot) {
      await withDeadline(collection.deleteMany({ slot: { $gt: slot } }));
    },
    async close() {},
  };
}
