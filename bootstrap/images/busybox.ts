/** Finds a statically linked busybox: the one program our own images need, so that none has to be fetched. */

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { errorMessage } from '../../src/errors.ts';

const run = promisify(execFile);
const places = ['/bin/busybox', '/usr/bin/busybox', '/usr/lib/busybox/busybox-static'];
/** A package of half a megabyte; a mirror that takes longer is away. */
const installDeadlineMs = 120_000;

export type Busybox = { path: string; content: Buffer } | { missing: string };

export async function findBusybox({ mayInstall }: { mayInstall: boolean }): Promise<Busybox> {
  const found = await look();
  if (found) return found;
  const isRoot = process.getuid?.() === 0;
  if (!mayInstall || !isRoot || !(await hasApt())) {
    return {
      missing: 'no statically linked busybox on this machine; on Debian or Ubuntu: apt-get install busybox-static',
    };
  }
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['install', '-y', '--no-install-recommends', 'busybox-static'], {
      env,
      timeout: installDeadlineMs,
    });
  } catch (error) {
    return { missing: `busybox-static could not be installed: ${errorMessage(error)}` };
  }
  return (await look()) ?? { missing: 'busybox-static is installed, but its program is in none of the known places' };
}

async function look(): Promise<{ path: string; content: Buffer } | null> {
  for (const path of places) {
    try {
      const content = await readFile(path);
      if (isStaticElf(content)) return { path, content };
    } catch {
      // Not here: the next place.
    }
  }
  return null;
}

const hasApt = () =>
  run('apt-get', ['--version']).then(
    () => true,
    () => false,
  );

/** 64-bit ELF without a PT_INTERP segment, the one that names a dynamic loader. */
function isStaticElf(content: Buffer): boolean {
  const isElf64 = content.length > 64 && content.readUInt32BE(0) === 0x7f454c46 && content[4] === 2;
  if (!isElf64) return false;
  const [offset, size, count] = [
    Number(content.readBigUInt64LE(32)),
    content.readUInt16LE(54),
    content.readUInt16LE(56),
  ];
  const ptInterp = 3;
  for (let index = 0; index < count; index += 1) {
    if (content.readUInt32LE(offset + index * size) === ptInterp) return false;
  }
  return true;
}
