/**
 * Runs a shell script that touches files in a process of its own, within a deadline. A file that does not answer (a pipe, a network
 * that is gone) would keep a thread of this one for ever: four of them stop every other file, and the end of the process
 * waits for the thread.
 */

import { spawn } from 'node:child_process';

/** `code` null: it was ended by a signal, or could not be run. */
export type RunApart = { kind: 'ended'; code: number | null; output: Buffer } | { kind: 'hung' };

/** @param args of the script: `$1` and so on */
export async function runApart(script: string, args: readonly string[], deadlineMs: number): Promise<RunApart> {
  const child = spawn('/bin/sh', ['-c', script, 'apart', ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const { promise, resolve } = Promise.withResolvers<RunApart>();
  const timer = setTimeout(() => resolve({ kind: 'hung' }), deadlineMs);
  child.once('error', () => resolve({ kind: 'ended', code: null, output: Buffer.alloc(0) }));
  child.once('close', (code) => resolve({ kind: 'ended', code, output: Buffer.concat(chunks) }));
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
