/** Reads certificates and keys from files: PEM, of a size that PEM has, and never from what would keep the reader waiting. */

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { AppError, errorMessage } from '../errors.ts';

/** A bundle of the authorities of the web is below 300 KiB. */
const bytesMax = 1024 * 1024;

/**
 * @param option names the file in refusals: `--tls-cert`
 * @throws AppError `config_invalid`
 */
export async function readPemFile(path: string, option: string): Promise<string> {
  const text = await readRegularFile(path).catch((error: unknown) => {
    if (error instanceof AppError) throw refuse(option, `${path} ${error.message}`);
    throw refuse(option, `${path} cannot be read: ${errorMessage(error)}`, error);
  });
  if (!text.includes('-----BEGIN ')) throw refuse(option, `${path} holds no PEM: no line begins with -----BEGIN`);
  return text;
}

/** Opened without waiting: a pipe would keep its reader until there is a writer. */
async function readRegularFile(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new AppError('config_invalid', 'is no regular file');
    if (found.size > bytesMax) throw new AppError('config_invalid', `has ${found.size} bytes, more than ${bytesMax}`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** What every refusal of a certificate or a key is. */
export const refuse = (option: string, rule: string, cause?: unknown): AppError =>
  new AppError('config_invalid', `${option}: ${rule}`, { cause, details: { field: option, rule } });
