/** Reads secrets from files of one folder, at the start of a container. Their values are never logged nor reported. */

import { join } from 'node:path';
import { AppError } from '../../errors.ts';
import type { ContainerSpec, EnvEntry } from '../../model/service.ts';
import type { Engine } from '../engine/engine.ts';
import { readApart } from './read-apart.ts';
import type { Secret } from './secret-mask.ts';

/** No separator and no leading dot: a name stays inside the folder. */
const secretName = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/;
/** As much as an environment variable may hold on Linux. */
const secretBytesMax = 128 * 1024;
/** A container whose secret does not come has failed within 5 s. */
const readDeadlineMs = 4_000;

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
  const refuse = (why: string) => new AppError('secret_unreadable', `the secret ${JSON.stringify(name)} ${why}`);
  if (!secretName.test(name)) throw refuse('has a name that no secret can have');
  if (secretsDir === null) throw refuse('cannot be read: this agent has no folder of secrets (CO_SECRETS_DIR)');
  const found = await readApart(join(secretsDir, name), { bytesMax: secretBytesMax + 1, deadlineMs: readDeadlineMs });
  if (found.kind !== 'read') throw refuse(refusals[found.kind]);
  if (found.bytes.length > secretBytesMax) throw refuse(`is larger than ${secretBytesMax} bytes`);
  const value = found.bytes.toString('utf8');
  if (value.includes('\0')) throw refuse('holds a NUL byte, which no environment variable can');
  return value.replace(/\r?\n$/, '');
}

const refusals = {
  missing: 'is not in the folder of secrets of this agent',
  'not a file': 'is not a file in the folder of secrets of this agent',
  unreadable: 'cannot be read by this agent',
  hung: `could not be read within ${readDeadlineMs / 1_000} s: its file does not answer`,
} as const;

/** Of an environment those values that are secrets, by the names of the secrets. Pure. */
export function secretsIn(env: readonly EnvEntry[], values: readonly { name: string; value: string }[]): Secret[] {
  const given = new Map(values.map(({ name, value }) => [name, value]));
  return env.flatMap((entry) => {
    const value = 'secret' in entry ? given.get(entry.name) : undefined;
    return value === undefined || !('secret' in entry) ? [] : [{ name: entry.secret, value }];
  });
}

/** Secrets as they were injected: their files may hold others by now, and another process may have started the container. */
export async function injectedSecrets(
  engine: Pick<Engine, 'environment'>,
  { container, spec: { env } }: { container: string; spec: Pick<ContainerSpec, 'env'> },
): Promise<Secret[]> {
  if (!env.some((entry) => 'secret' in entry)) return [];
  return secretsIn(env, await engine.environment(container));
}
