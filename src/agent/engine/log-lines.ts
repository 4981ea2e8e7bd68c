/** What a container prints as lines: Docker's frames taken apart as they come, bounded, secrets taken out before anything is cut. Pure. */

import { AppError } from '../../errors.ts';
import { type LogLine, lineBytesMax, type Output } from '../../model/stream.ts';

/** A frame is a header of 8 bytes (stream, 3 zeros, length as big-endian uint32) and its payload. */
const headerBytes = 8;
/** Docker cuts what a program writes into entries of 16 KiB. */
const frameBytesMax = 4 * 1024 * 1024;
/** Of a line that is not over yet; what is beyond is dropped. */
const pendingBytesMax = 4 * lineBytesMax;

export type Frame = { output: Output; payload: Buffer };

/** @returns takes the next piece, and returns the frames that are whole now @throws AppError `stream_broken` */
export function createFrameReader(): (piece: Buffer) => Frame[] {
  let rest: Buffer = Buffer.alloc(0);
  return (piece) => {
    const raw = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    const frames: Frame[] = [];
    let offset = 0;
    while (offset + headerBytes <= raw.length) {
      const length = raw.readUInt32BE(offset + 4);
      if (length > frameBytesMax) throw new AppError('stream_broken', 'the engine sent no frame of output');
      const end = offset + headerBytes + length;
      if (end > raw.length) break;
      const output = raw[offset] === 2 ? 'stderr' : 'stdout';
      frames.push({ output, payload: raw.subarray(offset + headerBytes, end) });
      offset = end;
    }
    rest = raw.subarray(offset);
    return frames;
  };
}

type Pending = { at: string; parts: Buffer[]; bytes: number; isCut: boolean };

export type LineReader = {
  /** The lines that are over with these entries. Each entry begins with its time. */
  read(frames: readonly Frame[]): LogLine[];
  /** What has no line end yet, at the end of all. */
  rest(): LogLine[];
};

export function createLineReader(mask: (text: string) => string): LineReader {
  const pending = new Map<Output, Pending>();

  const finish = (output: Output, { at, parts, isCut }: Pending): LogLine => {
    const masked = mask(Buffer.concat(parts).toString());
    // What the cut left of a secret at the end is no secret to the mask, and may have moved forward.
    const limit = isCut ? Math.min(lineBytesMax, masked.length - (pendingBytesMax - lineBytesMax)) : lineBytesMax;
    return { at, output, text: bound(masked, Math.max(0, limit)) };
  };

  const take = ({ output, payload }: Frame): LogLine | null => {
    const space = payload.indexOf(0x20);
    const content = payload.subarray(space + 1);
    const isOver = content.at(-1) === 0x0a;
    const line = pending.get(output) ?? { at: timeOf(payload.subarray(0, Math.max(0, space))), ...nothing() };
    const fitting = content.subarray(0, Math.max(0, pendingBytesMax - line.bytes));
    line.parts.push(isOver && fitting.length === content.length ? fitting.subarray(0, lineEnd(fitting)) : fitting);
    line.bytes += fitting.length;
    line.isCut ||= fitting.length < content.length;
    if (!isOver) {
      pending.set(output, line);
      return null;
    }
    pending.delete(output);
    return finish(output, line);
  };

  return {
    read: (frames) => frames.flatMap((frame) => take(frame) ?? []),
    rest() {
      const lines = [...pending].map(([output, line]) => finish(output, line));
      pending.clear();
      return lines;
    },
  };
}

const nothing = () => ({ parts: [] as Buffer[], bytes: 0, isCut: false });

const lineEnd = (line: Buffer) => (line.at(-2) === 0x0d ? -2 : -1);

/** The engine's nanoseconds are cut to milliseconds. */
function timeOf(text: Buffer): string {
  const time = new Date(text.toString('latin1'));
  return Number.isNaN(time.getTime()) ? new Date(0).toISOString() : time.toISOString();
}

/** Never ends inside a character. */
function bound(text: string, bytesMax: number): string {
  if (Buffer.byteLength(text) <= bytesMax) return text.toWellFormed();
  const bytes = Buffer.from(text).subarray(0, bytesMax);
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes, { stream: true });
}
