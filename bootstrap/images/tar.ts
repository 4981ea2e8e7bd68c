/** Writes a tar archive in memory, byte for byte the same for the same entries: an image's content is its hash. */

import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';

export type TarEntry =
  | { kind: 'file'; path: string; mode: number; content: Buffer }
  | { kind: 'directory'; path: string; mode: number }
  | { kind: 'symlink'; path: string; target: string };

const epoch = new Date(0);

/** @param entries paths without a leading slash */
export async function createTar(entries: readonly TarEntry[]): Promise<Buffer> {
  const archive = pack();
  for (const entry of entries) {
    const header = { name: entry.path, mtime: epoch };
    if (entry.kind === 'file') archive.entry({ ...header, type: 'file', mode: entry.mode }, entry.content);
    if (entry.kind === 'directory') archive.entry({ ...header, type: 'directory', mode: entry.mode });
    if (entry.kind === 'symlink') archive.entry({ ...header, type: 'symlink', mode: 0o777, linkname: entry.target });
  }
  archive.finalize();
  return buffer(archive);
}
