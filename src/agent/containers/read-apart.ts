/** Reads a file within a deadline, whatever kind of file it is. */

import { runApart } from './run-apart.ts';

export type ReadApart = { kind: 'read'; bytes: Buffer } | { kind: 'missing' | 'not a file' | 'unreadable' | 'hung' };

/** Its exit codes are those below. */
const script = '[ -e "$1" ] || exit 44; [ -f "$1" ] || exit 45; exec head -c "$2" "$1"';
const kinds: Readonly<Record<number, 'missing' | 'not a file'>> = { 44: 'missing', 45: 'not a file' };

/** @param bytesMax reads no further */
export async function readApart(
  path: string,
  { bytesMax, deadlineMs }: { bytesMax: number; deadlineMs: number },
): Promise<ReadApart> {
  const run = await runApart(script, [path, String(bytesMax)], deadlineMs);
  if (run.kind === 'hung') return run;
  if (run.code === 0) return { kind: 'read', bytes: run.output };
  return { kind: kinds[run.code ?? -1] ?? 'unreadable' };
}
