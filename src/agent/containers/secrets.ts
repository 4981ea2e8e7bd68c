/** Reads secrets from files of one folder, at the start of a container. Their values are never logged nor reported. */

import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../errors.ts';
import type { EnvEntry } from '../../model/service.ts';

/** No separator and no leading dot: a name stays inside the folder. */
const secretName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/;
/** As much as an environment variable may hold on Linux. */
const secretBytesMax = 128 * 1024;

/**
 * Plain values as they are, secrets from `<secretsDir>/<name>` without one line end at their end.
 * @throws AppError `secret_unreadable`, naming the secret
 */
export function resolveEnvironment(
  env: readonly EnvEntry[],
  secretsDir: string | null,
): Promise<{ name: string; value: string }[]> {
  return Promise.all(
    env.map(async (entry) =>
      'secret' in entry ? { name: entry.name, value: await readSecret(secretsDir, entry.secret) } : entry,
    ),
  );
}

async function readSecret(secretsDir: string | null, name: string): Promise<string> {
  const refuse = (why: string, cause?: unknown) =>
    new AppError('secret_unreadable', `the secret ${JSON.stringify(name)} ${why}`, { cause });
  if (!secretName.test(name)) throw refuse('has a name that no secret can have');
  if (secretsDir === null) throw refuse('cannot be read: this agent has no folder of secrets (CO_SECRETS_DIR)');
  try {
    await using file = await open(join(secretsDir, name), 'r');
    const stat = await file.stat();
    if (!stat.isFile()) throw refuse('is not a file in the folder of secrets of this agent');
    if (stat.size > secretBytesMax) throw refuse(`is larger than ${secretBytesMax} bytes`);
    const value = await file.readFile('utf8');
    if (value.includes('\0')) throw refuse('holds a NUL byte, which no environment variable can');
    return value.replace(/\r?\n$/, '');
  } catch (error) {
    if (error instanceof AppError) throw error;
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw refuse(isMissing ? 'is not in the folder of secrets of this agent' : 'cannot be read by this agent', error);
  }
}
