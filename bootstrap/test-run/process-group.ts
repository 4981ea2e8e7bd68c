/** Inspects a process group and ending it: what a test file started, and left behind. */

import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

/** A child may end shortly after its parent. */
const graceMs = 1_000;
const lookEveryMs = 50;

/** Those of the group that still run after a short wait, as `name (pid)`. Knows none where there is no /proc. */
export async function readLeftRunning(group: number): Promise<string[]> {
  const deadlineMs = performance.now() + graceMs;
  for (;;) {
    const members = await readMembers(group);
    if (members.length === 0 || performance.now() > deadlineMs) return members;
    await pause(lookEveryMs);
  }
}

/** Fields of proc_pid_stat(5): pid, name in brackets, state, parent, group. */
async function readMembers(group: number): Promise<string[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')));
  return stats.flatMap((stat) => {
    const [, pid, name, state, memberOf] = /^(\d+) \((.*)\) (\S) \d+ (\d+) /s.exec(stat) ?? [];
    return Number(memberOf) === group && state !== 'Z' ? [`${name} (${pid})`] : [];
  });
}

export function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
