/** Keeps snapshots as files of one folder, beside the embedded log. Any of them, or all, may be deleted at any time. */

import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Snapshot, type SnapshotStore, thinOut } from './snapshot.ts';

/** In the data folder. */
export const snapshotFolder = 'snapshots';

const extension = '.snapshot';
/** What a crash left half written. */
const draftSuffix = '.new';
/** More than a header has. */
const headerBytesMax = 1_024;

const fileName = (slot: number) => `${String(slot).padStart(15, '0')}${extension}`;

export function createSnapshotFiles(folder: string): SnapshotStore {
  const pathOf = (slot: number) => join(folder, fileName(slot));
  let tidying: Promise<void> | null = null;

  const names = (): Promise<string[]> => readdir(folder).catch(() => []);

  const slots = async (): Promise<number[]> => {
    return (await names())
      .filter((name) => name.endsWith(extension))
      .map((name) => Number(name.slice(0, -extension.length)));
  };

  const discard = (slot: number) => rm(pathOf(slot), { force: true });

  const discardDrafts = async () => {
    for (const name of await names())
      if (name.endsWith(`${extension}${draftSuffix}`)) await rm(join(folder, name), { force: true });
  };

  return {
    async save({ bytes, ...header }) {
      await mkdir(folder, { recursive: true });
      // Once, before the first of our own: two may be saved side by side.
      tidying ??= discardDrafts();
      await tidying;
      const draft = `${pathOf(header.slot)}${draftSuffix}`;
      try {
        await writeFile(draft, Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), bytes]));
        await rename(draft, pathOf(header.slot));
      } catch (error) {
        await rm(draft, { force: true });
        throw error;
      }
      for (const slot of thinOut(await slots())) await discard(slot);
    },
    async newest(notAfterSlot, { isChecked = false } = {}) {
      const candidates = (await slots()).filter((slot) => slot <= notAfterSlot).sort((a, b) => b - a);
      for (const slot of candidates) {
        if (isChecked && !(await readHeader(pathOf(slot)))?.isChecked) continue;
        const snapshot = parse(await readFile(pathOf(slot)).catch(() => null));
        if (snapshot) return snapshot;
        await discard(slot);
      }
      return null;
    },
    discard,
    async discardAfter(after) {
      for (const slot of await slots()) if (slot > after) await discard(slot);
    },
    async close() {},
  };
}

/** Without the bytes, which are many. */
async function readHeader(path: string): Promise<Snapshot | null> {
  const file = await open(path).catch(() => null);
  if (!file) return null;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headerBytesMax), 0, headerBytesMax, 0);
    return parse(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
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
