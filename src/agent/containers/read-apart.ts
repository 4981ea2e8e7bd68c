/**
 * Reads a file in a process of its own, within a deadline. A file that does not answer (a pipe, a network that is gone) would keep a
 * thread of this one for ever: four of them stop every other file, and the end of the process waits for the thread.
 */

import { spawn } from 'node:child_process';

export type ReadApart = { kind: 'read'; bytes: Buffer } | { kind: 'missing' | 'not a file' | 'unreadable' | 'hung' };

/** Its exit codes are those below. */
const script = '[ -e "$1" ] || exit 44; [ -f "$1" ] || exit 45; exec head -c "$2" "$1"';
const kinds: Readonly<Record<number, 'missing' | 'not a file'>> = { 44: 'missing', 45: 'not a file' };

/** @param bytesMax reads no further */
export async function readApart(
  path: string,
  { bytesMax, deadlineMs }: { bytesMax: number; deadlineMs: number },
): Promise<ReadApart> {
  const child = spawn('/bin/sh', ['-c', script, 'read', path, String(bytesMax)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const { promise, resolve } = Promise.withResolvers<ReadApart>();
  const timer = setTimeout(() => resolve({ kind: 'hung' }), deadlineMs);
  child.once('error', () => resolve({ kind: 'unreadable' }));
  child.once('close', (code) => {
    const refused = kinds[code ?? -1] ?? 'unreadable';
    resolve(code === 0 ? { kind: 'read', bytes: Buffer.concat(chunks) } : { kind: refused });
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    // One that waits for a dead network ends when the network answers; this process does not wait for it.
    child.kill('SIGKILL');
    child.stdout.destroy();
    child.unref();
  }
}
