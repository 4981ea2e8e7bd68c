/** Finds and runs programs of this machine, with a deadline and reports while one takes long. */

import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';

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
  /** Called every ten seconds, with the last line the program wrote. */
  onStillRunning?: (seconds: number, lastLine: string) => void;
};

const reportEveryMs = 10_000;

/** @throws Error with the program's last line when it fails or takes too long */
export async function runProgram(program: string, args: readonly string[], options: RunOptions): Promise<void> {
  const { deadlineMs, signal, environment = systemEnvironment(), onStillRunning } = options;
  const startedMs = performance.now();
  const running = execa(program, args, {
    ...{ env: environment, extendEnv: false, stdin: 'ignore', all: true, buffer: false, reject: false },
    // A fraction, as what is left of a longer deadline may be, is none of a timer's.
    ...{ timeout: Math.ceil(deadlineMs), cancelSignal: signal, forceKillAfterDelay: false },
  });
  let lastLine = '';
  running.all.setEncoding('utf8').on('data', (chunk: string) => {
    lastLine = chunk.trim().split('\n').at(-1) || lastLine;
  });
  const reporting = setInterval(() => {
    onStillRunning?.(Math.round((performance.now() - startedMs) / 1000), lastLine);
  }, reportEveryMs);
  const result = await running.finally(() => clearInterval(reporting));
  signal.throwIfAborted();
  if (result.timedOut) throw new Error(`not done within ${deadlineMs / 1000} s: ${lastLine}`);
  if (result.failed) throw new Error(lastLine || describeEnd(result));
}

type End = { exitCode?: number | undefined; originalMessage?: string | undefined };

const describeEnd = ({ exitCode, originalMessage }: End): string =>
  exitCode === undefined ? (originalMessage ?? 'it did not start') : `ended with code ${exitCode}`;
