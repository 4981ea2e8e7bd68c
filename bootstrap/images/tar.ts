/** Owns writing a ustar archive in memory, byte for byte the same for the same entries: an image's content is its hash. */

export type TarEntry =
  | { kind: 'file'; path: string; mode: number; content: Buffer }
  | { kind: 'directory'; path: string; mode: number }
  | { kind: 'symlink'; path: string; target: string };

const blockBytes = 512;
const typeFlags = { file: '0', symlink: '2', directory: '5' } as const;

/** @param entries paths without a leading slash, at most 100 bytes (the format's field for a name) */
export function createTar(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap((entry) => {
    const content = entry.kind === 'file' ? entry.content : Buffer.alloc(0);
    return [headerOf(entry, content.length), content, Buffer.alloc(-content.length & (blockBytes - 1))];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * blockBytes)]);
}

function headerOf(entry: TarEntry, contentBytes: number): Buffer {
  const header = Buffer.alloc(blockBytes);
  const octal = (value: number, offset: number, length: number) =>
    header.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset, 'ascii');
  if (Buffer.byteLength(entry.path) > 100) throw new RangeError(`path longer than 100 bytes: ${entry.path}`);
  header.write(entry.path, 0);
  octal(entry.kind === 'symlink' ? 0o777 : entry.mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(contentBytes, 124, 12);
  octal(0, 136, 12);
  header.write(' '.repeat(8), 148, 'ascii');
  header.write(typeFlags[entry.kind], 156, 'ascii');
  if (entry.kind === 'symlink') header.write(entry.target, 157);
  header.write('ustar\x0000', 257, 'ascii');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'ascii');
  return header;
}
