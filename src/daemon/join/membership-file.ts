/** Keeps an agent's membership in its data folder, for its owner alone: with it a restart needs no token. */

import { constants } from 'node:fs';
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Value } from '@sinclair/typebox/value';
import { AppError, errorMessage } from '../../errors.ts';
import { Membership } from '../../model/membership.ts';

export const membershipFile = 'membership.json';

/** null: there is none. @throws AppError `config_invalid`: it cannot be read, or is none */
export async function readMembership(dataDir: string): Promise<Membership | null> {
  const path = join(dataDir, membershipFile);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw new AppError('config_invalid', `${path} cannot be read: ${errorMessage(error)}`, { cause: error });
  }
  const membership = parseMembership(text);
  if (membership) return membership;
  throw new AppError('config_invalid', `${path} is no membership: remove it, and join again with another token`);
}

/** null: the text is none. Pure. */
export function parseMembership(text: string): Membership | null {
  try {
    const found: unknown = JSON.parse(text);
    return Value.Check(Membership, found) && URL.canParse(found.amqpUrl) ? found : null;
  } catch {
    return null;
  }
}

/** Before a token is used up for it. @throws AppError `config_invalid` */
export async function refuseUnwritable(dataDir: string): Promise<void> {
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await access(dataDir, constants.W_OK);
  } catch (error) {
    throw unwritable(dataDir, error);
  }
}

/** Whole or not at all. @throws AppError `config_invalid` */
export async function writeMembership(dataDir: string, membership: Membership): Promise<void> {
  const path = join(dataDir, membershipFile);
  const draft = `${path}.new`;
  try {
    await rm(draft, { force: true });
    await writeFile(draft, `${JSON.stringify(membership, null, 2)}\n`, { mode: 0o600, flag: 'wx', flush: true });
    await rename(draft, path);
  } catch (error) {
    throw unwritable(dataDir, error);
  }
}

function unwritable(dataDir: string, cause: unknown): AppError {
  const why = `the membership cannot be written to ${dataDir}: ${errorMessage(cause)}`;
  return new AppError('config_invalid', `${why}; give --data a folder to write to`, { cause });
}
