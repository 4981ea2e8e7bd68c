/** Owns snapshots as files of one folder, beside the embedded log. Any of them, or all, may be deleted at any time. */

import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Snapshot, type SnapshotStore, thinOut } from './snapshot.ts';

/** In the data folder. */
export const snapshotFolder = 'snapshots';

const extension = '.snapshot';
const fileName = (slot: number) => `${String(slot).padStart(15, '0')}${extension}`;

export function createSnapshotFiles(folder: string): SnapshotStore {
  const pathOf = (slot: number) => join(folder, fileName(slot));

  const slots = async (): Promise<number[]> => {
    const names = await readdir(folder).catch(() => []);
    return names.filter((name) => name.endsWith(extension)).map((name) => Number(name.slice(0, -extension.length)));
  };

  const discard = (slot: number) => rm(pathOf(slot), { force: true });

  return {
    async save({ bytes, ...header }) {
      await mkdir(folder, { recursive: true });
      const draft = `${pathOf(header.slot)}.new`;
      await writeFile(draft, Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), bytes]));
      await rename(draft, pathOf(header.slot));
      for (const slot of thinOut(await slots())) await discard(slot);
    },
    async newest(notAfterSlot) {
      const candidates = (await slots()).filter((slot) => slot <= notAfterSlot).sort((a, b) => b - a);
      for (const slot of candidates) {
        const snapshot = parse(await readFile(pathOf(slot)).catch(() => null));
        if (snapshot) return snapshot;
        await discard(slot);
      }
      return null;
    },
    discard,
    async close() {},
  };
}

function parse(content: Buffer | null): Snapshot | null {
  const end = content?.indexOf(0x0a) ?? -1;
  if (!content || end < 0) return null;
  try {
    return { ...JSON.parse(content.toString('utf8', 0, end)), bytes: content.subarray(end + 1) };
  } catch {
    return null;
  }
}
