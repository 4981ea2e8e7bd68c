/**
 * The Docker daemon that `up` starts on a machine where nothing else does. It outlives `up`, as containers do, and
 * only `down --purge` ends it. What it is called and since when is noted in the data folder, so that no other process
 * is ever taken for it.
 */

import { spawn } from 'node:child_process';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { systemEnvironment } from '../programs.ts';
import { whyNoAnswer } from './docker-client.ts';

export const dockerdFiles = { note: 'dockerd.json', log: 'dockerd.log' } as const;

/** `startedAt`: clock ticks since boot, as the kernel counts them: a pid used again has another. */
type Note = { pid: number; startedAt: string };

/** A first start makes a bridge and a store; a slow disk takes ten seconds for it. */
const startDeadlineMs = 60_000;
const stopDeadlineMs = 20_000;
const lookEveryMs = 100;

/** @throws Error with the daemon's own last words */
export async function startDockerd(
  program: string,
  { dataDir, address, signal }: { dataDir: string; address: string; signal: AbortSignal },
): Promise<number> {
  const logPath = join(dataDir, dockerdFiles.log);
  await using log = await open(logPath, 'w');
  const env = systemEnvironment();
  const child = spawn(program, [], { detached: true, env, stdio: ['ignore', log.fd, log.fd] });
  const ended = new Promise<never>((_resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`it ended with code ${code}`)));
  });
  ended.catch(() => {});
  child.unref();
  try {
    await Promise.race([ended, waitForAnswer(address, signal)]);
  } catch (error) {
    child.kill('SIGTERM');
    signal.throwIfAborted();
    const [lastLine] = (await readFile(logPath, 'utf8')).trim().split('\n').slice(-1);
    throw new Error(lastLine || (error as Error).message);
  }
  const note: Note = { pid: child.pid!, startedAt: (await readStartTime(child.pid!)) ?? '' };
  await writeFile(join(dataDir, dockerdFiles.note), `${JSON.stringify(note)}\n`);
  return note.pid;
}

async function waitForAnswer(address: string, signal: AbortSignal): Promise<void> {
  const deadlineMs = performance.now() + startDeadlineMs;
  while (performance.now() < deadlineMs) {
    if ((await whyNoAnswer(address)) === null) return;
    await pause(lookEveryMs, undefined, { signal });
  }
  throw new Error(`it does not answer within ${startDeadlineMs / 1000} s`);
}

/** The daemon that this data folder's `up` started, while it runs. */
export async function findOwnDockerd(dataDir: string): Promise<number | null> {
  const text = await readFile(join(dataDir, dockerdFiles.note), 'utf8').catch(() => null);
  if (text === null) return null;
  const { pid, startedAt } = JSON.parse(text) as Note;
  return startedAt !== '' && (await readStartTime(pid)) === startedAt ? pid : null;
}

/** @returns whether it is gone */
export async function stopOwnDockerd(dataDir: string): Promise<boolean> {
  const pid = await findOwnDockerd(dataDir);
  if (pid !== null) process.kill(pid, 'SIGTERM');
  const deadlineMs = performance.now() + stopDeadlineMs;
  while ((await findOwnDockerd(dataDir)) !== null) {
    if (performance.now() > deadlineMs) return false;
    await pause(lookEveryMs);
  }
  await rm(join(dataDir, dockerdFiles.note), { force: true });
  return true;
}

/** Field 22 of proc_pid_stat(5); the name in field 2 may hold anything but ends with the last bracket. */
async function readStartTime(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (stat === null) return null;
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' ? null : (fields[18] ?? null);
}
