/** Keeps encrypted values in a folder beside the embedded log, a file each. Knows no key. */

import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, errorMessage } from '../../errors.ts';
import { type SecretHead, type SecretStore, type StoredSecret, secretsListedMax } from '../secret-store.ts';

const folderMode = 0o700;
const fileMode = 0o600;
const ending = '.secret';

export function createSecretFiles(dir: string): SecretStore {
  /** A name may be longer than that of a file, and hold what none can. */
  const pathOf = (name: string, version: number) =>
    join(dir, `${createHash('sha256').update(name).digest('hex').slice(0, 32)}-${version}${ending}`);

  return {
    add: (secret) =>
      attempt(dir, async () => {
        await mkdir(dir, { recursive: true, mode: folderMode });
        const path = pathOf(secret.name, secret.version);
        const draft = `${path}.${randomUUID()}.new`;
        await writeDurably(draft, JSON.stringify({ ...secret, sealed: secret.sealed.toString('base64') }));
        try {
          // Whole or not at all, and never over another.
          await link(draft, path);
        } catch (error) {
          if (hasErrno(error, 'EEXIST')) return false;
          throw error;
        } finally {
          await rm(draft, { force: true });
        }
        await syncFolder(dir);
        return true;
      }),
    find: (name, version) => attempt(dir, () => readSecret(pathOf(name, version))),
    list: () =>
      attempt(dir, async () => {
        const names = (await readNames(dir)).filter((name) => name.endsWith(ending)).slice(0, secretsListedMax);
        const found: SecretHead[] = [];
        for (const name of names) {
          const secret = await readSecret(join(dir, name));
          if (secret) found.push(headOf(secret));
        }
        return found.sort((a, b) => (a.name === b.name ? a.version - b.version : a.name < b.name ? -1 : 1));
      }),
    remove: (name, version) => attempt(dir, () => rm(pathOf(name, version), { force: true })),
  };
}

const headOf = ({ sealed: _, ...head }: StoredSecret): SecretHead => head;

async function readSecret(path: string): Promise<StoredSecret | null> {
  try {
    const { sealed, ...head } = JSON.parse(await readFile(path, 'utf8')) as SecretHead & { sealed: string };
    return { ...head, sealed: Buffer.from(sealed, 'base64') };
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return null;
    throw error;
  }
}

/** None while nothing was ever stored. */
const readNames = (dir: string): Promise<string[]> =>
  readdir(dir).catch((error: unknown) => {
    if (hasErrno(error, 'ENOENT')) return [];
    throw error;
  });

async function writeDurably(path: string, text: string): Promise<void> {
  await using file = await open(path, 'w', fileMode);
  await file.writeFile(text);
  await file.sync();
}

async function syncFolder(dir: string): Promise<void> {
  await using folder = await open(dir, 'r');
  await folder.sync();
}

async function attempt<T>(dir: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    const message = `the folder of secrets ${dir} cannot be used: ${errorMessage(error)}`;
    throw new AppError('secrets_unavailable', message, { retryable: true, cause: error });
  }
}

const hasErrno = (error: unknown, code: string) => (error as NodeJS.ErrnoException).code === code;
