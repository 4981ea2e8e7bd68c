/** Reads an exported log as bytes: its lines as they are read, packed with gzip or not. Knows nothing of what they say. */

import { createReadStream, existsSync } from 'node:fs';
import { addAbortSignal } from 'node:stream';
import { createGunzip, type Gunzip } from 'node:zlib';
import { AppError, errorMessage } from '../../errors.ts';

export type TextLine = {
  text: string;
  /** Bytes of the unpacked file up to and with its line end. */
  end: number;
};

/** An event is at most 1 MB, and JSON may write a character in six. */
const lineBytesMax = 8_000_000;
const newline = 0x0a;

export const isPacked = (path: string): boolean => path.endsWith('.gz');

export type ReadBytesOptions = {
  /** Where to begin in a file that is not packed. */
  from?: number;
  signal?: AbortSignal | undefined;
};

/**
 * The bytes of a file, unpacked. It is opened with the first that is read: before, a failure would go unnoticed.
 * @throws AppError `file_missing`; the bytes: `file_unreadable` · the signal's reason
 */
export function readBytes(path: string, options: ReadBytesOptions = {}): AsyncIterable<Buffer> {
  if (!existsSync(path)) throw new AppError('file_missing', `there is no file ${path}`);
  return readPieces(path, options);
}

async function* readPieces(path: string, { from = 0, signal }: ReadBytesOptions): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { start: from, highWaterMark: 256 * 1024 });
  const bytes = isPacked(path) ? createGunzip() : file;
  if (bytes !== file) {
    file.on('error', (error) => bytes.destroy(error));
    file.pipe(bytes as Gunzip);
  }
  if (signal) addAbortSignal(signal, bytes);
  try {
    yield* bytes;
  } catch (error) {
    signal?.throwIfAborted();
    throw unreadable(error);
  } finally {
    file.destroy();
  }
}

/**
 * Lines in pages, one a piece of bytes.
 * @param options.isCut the end may be missing: what has no line end is left out, and so is what cannot be unpacked
 * @throws AppError `file_unreadable`, also for a line beyond the bound
 */
export async function* readLines(
  bytes: AsyncIterable<Buffer>,
  { from = 0, isCut = false } = {},
): AsyncGenerator<TextLine[]> {
  let rest: Buffer[] = [];
  let restBytes = 0;
  let end = from;
  for await (const piece of unpacked(bytes, isCut)) {
    const lines: TextLine[] = [];
    let begin = 0;
    for (let at = piece.indexOf(newline); at >= 0; at = piece.indexOf(newline, begin)) {
      const whole = Buffer.concat([...rest, piece.subarray(begin, at)]);
      end += whole.length + 1;
      lines.push({ text: whole.toString('utf8'), end });
      [rest, restBytes, begin] = [[], 0, at + 1];
    }
    if (begin < piece.length) rest.push(piece.subarray(begin));
    restBytes += piece.length - begin;
    if (restBytes > lineBytesMax) throw new AppError('file_unreadable', `a line has more than ${lineBytesMax} bytes`);
    if (lines.length > 0) yield lines;
  }
  if (restBytes > 0 && !isCut) yield [{ text: Buffer.concat(rest).toString('utf8'), end: end + restBytes }];
}

async function* unpacked(bytes: AsyncIterable<Buffer>, isCut: boolean): AsyncGenerator<Buffer> {
  try {
    yield* bytes;
  } catch (error) {
    const known = unreadable(error);
    if (isCut && isUnexpectedEnd(known.cause)) return;
    throw known;
  }
}

function unreadable(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const why = errorMessage(error);
  return new AppError('file_unreadable', `the file cannot be read: ${why}`, { cause: error });
}

/** zlib: "unexpected end of file" */
const isUnexpectedEnd = (error: unknown) => (error as { code?: string } | undefined)?.code === 'Z_BUF_ERROR';
