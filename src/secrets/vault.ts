/**
 * Keeps values encrypted: AES-256-GCM under the managers' key, with name and version bound into each, so that a record put in the
 * place of another does not open. General: names, versions, bytes. Which version is current is the log's to say.
 */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { AppError } from '../errors.ts';
import { readKeyFile, type SecretsKey } from './key-file.ts';
import type { SecretHead, SecretStore } from './secret-store.ts';

/**
 * Each call may throw AppError `secrets_key_missing` · `secrets_key_invalid` · `secrets_key_differs`: another key than what is stored
 * needs · and what the store throws.
 */
export type Vault = {
  /** Durable when it resolves. false: there is a value of this name and version. */
  put(name: string, version: number, value: Buffer): Promise<boolean>;
  /** @throws AppError `secret_not_found` · `secret_damaged`: the record was changed, or is another's */
  get(name: string, version: number): Promise<Buffer>;
  /** Is the key there that what is stored needs? Makes none. */
  check(): Promise<void>;
  /** Equal for equal values, on every manager; no help in guessing them. */
  fingerprint(value: Buffer): Promise<string>;
  /** Removes what no fact makes current, once it is old enough for its fact to be in the log. @returns how many */
  sweep(isCurrent: (head: SecretHead) => boolean): Promise<number>;
};

export type VaultOptions = { clusterId: string; keyPath: string };

const nonceBytes = 12;
const tagBytes = 16;
/** A fact follows its value within seconds. */
const orphanAgeMs = 600_000;

export function createVault(
  { store, clock }: { store: SecretStore; clock: Pick<Clock, 'nowMs'> },
  { clusterId, keyPath }: VaultOptions,
): Vault {
  const readKey = () => readKeyFile(keyPath, async () => (await store.list()).length === 0);
  const boundTo = (name: string, version: number) =>
    Buffer.from(JSON.stringify(['co secret', clusterId, name, version]));

  /** Values under two keys would leave each manager with half of them. */
  const assertOneKey = async (key: SecretsKey) => {
    const other = (await store.list()).find(({ keyId }) => keyId !== key.id);
    if (other) throw keyDiffers(keyPath, key.id, other.keyId);
  };

  return {
    async put(name, version, value) {
      const key = await readKey();
      await assertOneKey(key);
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', key.bytes, nonce).setAAD(boundTo(name, version));
      const body = Buffer.concat([cipher.update(value), cipher.final()]);
      const sealed = Buffer.concat([nonce, cipher.getAuthTag(), body]);
      return store.add({ name, version, keyId: key.id, storedAtMs: clock.nowMs(), sealed });
    },
    async get(name, version) {
      const found = await store.find(name, version);
      if (!found) throw new AppError('secret_not_found', `version ${version} of ${name} is not stored`);
      const key = await readKey();
      if (found.keyId !== key.id) throw keyDiffers(keyPath, key.id, found.keyId);
      const [nonce, tag] = [
        found.sealed.subarray(0, nonceBytes),
        found.sealed.subarray(nonceBytes).subarray(0, tagBytes),
      ];
      try {
        const decipher = createDecipheriv('aes-256-gcm', key.bytes, nonce, { authTagLength: tagBytes })
          .setAAD(boundTo(name, version))
          .setAuthTag(tag);
        return Buffer.concat([decipher.update(found.sealed.subarray(nonceBytes + tagBytes)), decipher.final()]);
      } catch (error) {
        throw new AppError('secret_damaged', `the record of version ${version} of ${name} was changed`, {
          cause: error,
        });
      }
    },
    async check() {
      if ((await store.list()).length > 0) await assertOneKey(await readKey());
    },
    fingerprint: async (value) => (await readKey()).fingerprint(value),
    async sweep(isCurrent) {
      const oldestMs = clock.nowMs() - orphanAgeMs;
      const orphans = (await store.list()).filter((head) => head.storedAtMs < oldestMs && !isCurrent(head));
      for (const { name, version } of orphans) await store.remove(name, version);
      return orphans.length;
    },
  };
}

const keyDiffers = (path: string, own: string, others: string) =>
  new AppError(
    'secrets_key_differs',
    `the key file ${path} holds key ${own}, and what is stored needs key ${others}: all managers share one key file`,
  );
