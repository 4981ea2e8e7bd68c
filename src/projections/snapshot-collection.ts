/**
 * Owns snapshots in the MongoDB collection `snapshots`: a document holds at most 16 MB, so each is cut into chunks. The
 * first chunk is written last: without it there is no snapshot.
 */

import { Binary, type Db } from 'mongodb';
import { type Snapshot, type SnapshotStore, thinOut } from './snapshot.ts';

type Header = Omit<Snapshot, 'bytes'> & { chunks: number };
/** `header` is on chunk 0. */
type Chunk = { _id: string; slot: number; chunk: number; bytes: Binary; header?: Header };

const chunkBytes = 8 * 1024 * 1024;

export function createSnapshotCollection(db: Db): SnapshotStore {
  const collection = db.collection<Chunk>('snapshots');
  const idOf = (slot: number, chunk: number) => `${slot}/${chunk}`;

  const discard = async (slot: number) => {
    await collection.deleteMany({ slot });
  };

  return {
    async save({ bytes, ...header }) {
      const chunks = Math.max(1, Math.ceil(bytes.length / chunkBytes));
      const { slot } = header;
      for (let chunk = chunks - 1; chunk >= 0; chunk -= 1) {
        const part = new Binary(bytes.subarray(chunk * chunkBytes, (chunk + 1) * chunkBytes));
        const document = { slot, chunk, bytes: part, ...(chunk === 0 ? { header: { ...header, chunks } } : {}) };
        await collection.replaceOne({ _id: idOf(slot, chunk) }, document, { upsert: true });
      }
      const kept = await collection.find({ chunk: 0 }, { projection: { slot: 1 } }).toArray();
      for (const old of thinOut(kept.map((first) => first.slot))) await discard(old);
    },
    async newest(notAfterSlot) {
      const first = await collection.findOne({ chunk: 0, slot: { $lte: notAfterSlot } }, { sort: { slot: -1 } });
      if (!first?.header) return null;
      const { chunks, ...header } = first.header;
      const parts = await collection.find({ slot: first.slot }, { sort: { chunk: 1 } }).toArray();
      // A part that is missing shows in the hash.
      const bytes = Buffer.concat(parts.slice(0, chunks).map((part) => Buffer.from(part.bytes.buffer)));
      return { ...header, bytes };
    },
    discard,
    async close() {},
  };
}
