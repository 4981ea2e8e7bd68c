/** Hashes passwords of registries for the log: slow to guess from, and enough to see whether a password is the same. */

import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { createSemaphore } from '../../concurrency/semaphore.ts';
import { AppError } from '../../errors.ts';

/** Each call may throw AppError `secrets_unavailable` (retryable): too many wait already. */
export type PasswordHashes = {
  /** With a salt of its own each time. */
  hash(password: string): Promise<string>;
  /** @param hash of this or an earlier version, with other parameters */
  isHashOf(hash: string, password: string): Promise<boolean>;
};

const cost = { N: 32_768, r: 8, p: 1 };
const saltBytes = 16;
const hashBytes = 32;
/** Each takes 32 MB and a thread for a tenth of a second; the log's own work needs some of the four threads. */
const atOnceMax = 2;
/** They wait for two seconds then. */
const waitingMax = 40;

const derive = promisify<string, Buffer, number, typeof cost & { maxmem: number }, Buffer>(scrypt);

export function createPasswordHashes(): PasswordHashes {
  const onFull = () =>
    new AppError('secrets_unavailable', 'too many logins are being set at once', { retryable: true });
  const hashing = createSemaphore({ permits: atOnceMax, waitingMax, onFull });
  const hashWith = (password: string, salt: Buffer, parameters: typeof cost) =>
    hashing.run(() => derive(password, salt, hashBytes, { ...parameters, maxmem: 256 * parameters.N * parameters.r }));

  return {
    async hash(password) {
      const salt = randomBytes(saltBytes);
      const hash = await hashWith(password, salt, cost);
      return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64url'), hash.toString('base64url')].join(':');
    },
    async isHashOf(hash, password) {
      const [, N, r, p, salt = '', expected = ''] = hash.split(':');
      const parameters = { N: Number(N), r: Number(r), p: Number(p) };
      const found = await hashWith(password, Buffer.from(salt, 'base64url'), parameters);
      const wanted = Buffer.from(expected, 'base64url');
      return found.length === wanted.length && timingSafeEqual(found, wanted);
    },
  };
}
