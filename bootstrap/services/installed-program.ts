/** Provides a program of the system: it is there, or the distribution's package brings it. */

import { fileURLToPath } from 'node:url';
import { findProgram, runProgram } from '../cluster/programs.ts';
import type { ServiceOptions } from './service.ts';

const installer = fileURLToPath(new URL('install-packages', import.meta.url));
/** Three tries of the installer, and one before it that it waits for; it has deadlines of its own. */
const installDeadlineMs = 1_200_000;

/** @returns the paths, in the order of `names`. @throws Error that says why one cannot be had */
export async function havePrograms(names: string[], { print, signal }: ServiceOptions): Promise<string[]> {
  const isMissing = (await Promise.all(names.map(findProgram))).includes(null);
  if (isMissing) {
    print(`installing ${names.join(', ')} from the distribution's packages …`);
    const onStillRunning = (seconds: number, line: string) => print(`${names.join(', ')}: ${seconds} s, ${line}`);
    await runProgram(installer, names, { deadlineMs: installDeadlineMs, signal, onStillRunning });
  }
  return Promise.all(
    names.map(async (name) => {
      const path = await findProgram(name);
      if (path === null) throw new Error(`${name} is not on this machine`);
      return path;
    }),
  );
}
