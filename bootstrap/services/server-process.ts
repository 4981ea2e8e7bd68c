/**
 * A server as a child process: started with a log file, waited for until it serves, ended by its pid. It is in a
 * process group of its own, so that Ctrl-C reaches this process only, which then ends its servers in order.
 */

import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { systemEnvironment } from '../cluster/programs.ts';

export type ServerProcess = { pid: number; close(): Promise<void> };

export type ServerOptions = {
  args: readonly string[];
  /** Added to ours. */
  environment?: Record<string, string>;
  logPath: string;
  /** Asked until it says yes; what it throws means no. */
  isServing: () => Promise<boolean>;
  /** Deletes what an ended server leaves. */
  cleanUp?: () => Promise<void>;
  signal: AbortSignal;
};

/** A first start on two busy cores: RabbitMQ takes 8 s on idle ones. */
const startDeadlineMs = 90_000;
/** dockerd gives its containers 10 s. */
const stopDeadlineMs = 20_000;
const lookEveryMs = 100;

/** @throws Error with the server's last words, when it ends or does not serve in time; nothing of it is left then */
export async function startServer(program: string, options: ServerOptions): Promise<ServerProcess> {
  const { args, environment, logPath, isServing, cleanUp, signal } = options;
  await using log = await open(logPath, 'w');
  const child = spawn(program, args, {
    detached: true,
    env: { ...systemEnvironment(), ...environment },
    // A pipe without a writer: a server that reads it learns that we are gone.
    stdio: ['pipe', log.fd, log.fd],
  });
  let failure: Error | null = null;
  const ended = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      failure = error;
      resolve();
    });
    child.on('exit', (code, endSignal) => {
      failure = new Error(`ended with ${endSignal ?? `code ${code}`}`);
      resolve();
    });
  });
  const close = async () => {
    endGroup(child.pid, 'SIGTERM');
    await Promise.race([ended, pause(stopDeadlineMs, undefined, { ref: false })]);
    endGroup(child.pid, 'SIGKILL');
    await ended;
    await cleanUp?.();
  };

  const deadlineMs = performance.now() + startDeadlineMs;
  for (;;) {
    if (failure === null && (await isServing().catch(() => false))) return { pid: child.pid!, close };
    const reason =
      (failure as Error | null)?.message ??
      (signal.aborted ? 'interrupted' : performance.now() > deadlineMs ? 'does not serve in time' : null);
    if (reason !== null) {
      await close();
      throw new Error(`${basename(program)} ${reason}: ${await readLastLine(logPath)}`);
    }
    await Promise.race([ended, pause(lookEveryMs)]);
  }
}

/** The leader may have ended before the rest of its group. */
function endGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function readLastLine(path: string): Promise<string> {
  return (await readFile(path, 'utf8')).trim().split('\n').at(-1) || 'it wrote nothing';
}
