/** Owns running programs of this machine: where they are, with a deadline, telling while it takes long. */

import { spawn } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** Where a root's shell looks; a user's PATH often leaves the sbin folders out. */
const searchPath = [
  process.env.PATH ?? '',
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
];

/** The environment to start programs of the system with: nothing of ours, for some of it is secret. */
export const systemEnvironment = (): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CO_'))),
  PATH: searchPath.filter((part) => part !== '').join(delimiter),
});

export async function findProgram(name: string): Promise<string | null> {
  for (const folder of searchPath.join(delimiter).split(delimiter)) {
    const path = join(folder, name);
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (folder !== '' && isThere) return path;
  }
  return null;
}

export type RunOptions = {
  deadlineMs: number;
  signal: AbortSignal;
  environment?: NodeJS.ProcessEnv;
  /** Told every ten seconds, with the last line the program wrote. */
  onStillRunning?: (seconds: number, lastLine: string) => void;
};

const tellEveryMs = 10_000;

/** @throws Error with the program's last line when it fails or takes too long */
export async function runProgram(program: string, args: readonly string[], options: RunOptions): Promise<void> {
  const { deadlineMs, signal, environment = systemEnvironment(), onStillRunning } = options;
  const startedMs = performance.now();
  // A fraction, as what is left of a longer deadline may be, is none of a timer's.
  const over = AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(deadlineMs))]);
  const child = spawn(program, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'] });
  let lastLine = '';
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding('utf8').on('data', (chunk: string) => {
      lastLine = chunk.trim().split('\n').at(-1) || lastLine;
    });
  }
  const onOver = () => child.kill('SIGTERM');
  over.addEventListener('abort', onOver);
  const telling = setInterval(() => {
    onStillRunning?.(Math.round((performance.now() - startedMs) / 1000), lastLine);
  }, tellEveryMs);
  try {
    const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
    signal.throwIfAborted();
    if (over.aborted) throw new Error(`not done within ${deadlineMs / 1000} s: ${lastLine}`);
    if (code !== 0) throw new Error(lastLine || `ended with code ${code}`);
  } finally {
    clearInterval(telling);
    over.removeEventListener('abort', onOver);
  }
}
