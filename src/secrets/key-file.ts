/** The key file of the managers: 32 random bytes that every stored value is encrypted under. With it and the store anyone has the values. */

import { createHmac, hkdfSync, randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError, errorMessage } from '../errors.ts';

export type SecretsKey = {
  /** Shown and stored: which key a value is encrypted under. Says nothing about the key. */
  id: string;
  /** Of AES-256. */
  bytes: Buffer;
  /** Of a value, for comparisons: the same on every manager, and without the key no help in guessing it. */
  fingerprint(value: Buffer): string;
};

const fileMode = 0o600;
const keyPattern = /^[0-9a-f]{64}\s*$/;

/**
 * Read each time, so that a file put in its place counts at once.
 * @param mayCreate asked when there is no file
 * @throws AppError `secrets_key_missing` · `secrets_key_invalid`
 */
export async function readKeyFile(path: string, mayCreate: () => Promise<boolean>): Promise<SecretsKey> {
  const text = (await readText(path)) ?? (await createFile(path, mayCreate));
  if (!keyPattern.test(text)) throw new AppError('secrets_key_invalid', `${path} holds no key: 64 hexadecimal digits`);
  return toKey(Buffer.from(text.trim(), 'hex'));
}

function toKey(secret: Buffer): SecretsKey {
  const derive = (purpose: string) => Buffer.from(hkdfSync('sha256', secret, '', `co secrets: ${purpose}`, 32));
  const fingerprintKey = derive('fingerprint');
  return {
    id: derive('id').toString('hex').slice(0, 16),
    bytes: derive('store'),
    fingerprint: (value) => createHmac('sha256', fingerprintKey).update(value).digest('hex'),
  };
}

async function createFile(path: string, mayCreate: () => Promise<boolean>): Promise<string> {
  if (!(await mayCreate())) {
    const hint = 'copy it from another manager or a backup';
    throw new AppError('secrets_key_missing', `the key file ${path} is missing, and values are stored: ${hint}`);
  }
  const draft = `${path}.${randomUUID()}.new`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeDurably(draft, `${randomBytes(32).toString('hex')}\n`);
    // Two at once: the first one's stays.
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } catch (error) {
    throw unusable(path, error);
  } finally {
    await rm(draft, { force: true });
  }
  return (await readText(path)) ?? '';
}

async function writeDurably(path: string, text: string): Promise<void> {
  await using file = await open(path, 'w', fileMode);
  await file.writeFile(text);
  await file.sync();
}

/** null: there is none. */
async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unusable(path, error);
  }
}

const unusable = (path: string, error: unknown) =>
  new AppError('secrets_key_invalid', `the key file ${path} cannot be used: ${errorMessage(error)}`, { cause: error });
