/** The last lines of a run on their way into the log: Docker's frames taken apart, bounded, without control characters. Pure. */

import { cleanText } from './report-text.ts';

export const tailBytesMax = 4 * 1024;

/** A frame is a header of 8 bytes (stream, 3 zeros, length as big-endian uint32) and its payload. */
const headerBytes = 8;

/** stdout and stderr in the order the engine kept them. A frame cut off at the end is left out. */
export function joinFrames(raw: Buffer): string {
  const payloads: Buffer[] = [];
  for (let offset = 0; offset + headerBytes <= raw.length; ) {
    const end = offset + headerBytes + raw.readUInt32BE(offset + 4);
    if (end > raw.length) break;
    payloads.push(raw.subarray(offset + headerBytes, end));
    offset = end;
  }
  return Buffer.concat(payloads).toString();
}

/** The last `lines` lines, together at most 4 KiB of UTF-8: the oldest line is cut at its start, those before it go. */
export function boundTail(text: string, lines: number): string[] {
  const all = text.replace(/\n$/, '').split('\n');
  const kept: string[] = [];
  let bytesLeft = tailBytesMax;
  for (const line of all.slice(-lines).reverse()) {
    const clean = Buffer.from(cleanLine(line));
    if (clean.length > bytesLeft) {
      if (bytesLeft > 0) kept.push(lastBytes(clean, bytesLeft));
      break;
    }
    kept.push(clean.toString());
    bytesLeft -= clean.length;
  }
  kept.reverse();
  return kept.every((line) => line === '') ? [] : kept;
}

const cleanLine = (line: string) => cleanText(line.replace(/\r$/, ''), line.length);

/** Never begins inside a character. */
function lastBytes(clean: Buffer, count: number): string {
  let start = clean.length - count;
  while (start < clean.length && ((clean[start] ?? 0) & 0xc0) === 0x80) start += 1;
  return clean.subarray(start).toString();
}
