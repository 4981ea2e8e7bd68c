/** One step of the run as a process of its own: its output, its deadline, and all that it leaves behind. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { readLeftRunning, signalGroup } from './process-group.ts';
import type { Ending } from './verdict.ts';

export type ProcessOptions = {
  deadlineMs: number;
  environment: NodeJS.ProcessEnv;
  signal: AbortSignal;
};

/** Time to end servers and containers of one's own. */
const termGraceMs = 10_000;
/** A process that left our process group may hold the output open. */
const outputGraceMs = 1_000;

/** A group of its own: it can be ended with all its children, and Ctrl-C does not reach it but through us. */
export async function runProcess(program: string, args: readonly string[], options: ProcessOptions): Promise<Ending> {
  const { deadlineMs, environment, signal } = options;
  const child = spawn(program, args, { env: environment, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const closed = once(child, 'close');
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  closed.catch(() => {});
  await once(child, 'spawn');
  const group = child.pid!;
  let overdueMs: number | null = null;
  const end = () => {
    signalGroup(group, 'SIGTERM');
    setTimeout(() => signalGroup(group, 'SIGKILL'), termGraceMs).unref();
  };
  const onDeadline = setTimeout(() => {
    overdueMs = deadlineMs;
    end();
  }, deadlineMs);
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  try {
    const exitCode = await exited;
    const leftRunning = await readLeftRunning(group);
    signalGroup(group, 'SIGKILL');
    await Promise.race([closed, pause(outputGraceMs)]);
    return { output, exitCode, overdueMs, leftRunning };
  } finally {
    clearTimeout(onDeadline);
    signal.removeEventListener('abort', end);
  }
}
