/** Keeps encrypted values in a collection of MongoDB, beside that of the log. Knows no key. */

import type { Binary, Collection, Db } from 'mongodb';
import { ask, isDuplicateKey } from '../../events/stores/mongo/mongo-operation.ts';
import { type SecretHead, type SecretStore, type StoredSecret, secretsListedMax } from '../secret-store.ts';

type SecretDocument = Omit<StoredSecret, 'sealed'> & { _id: string; sealed: Binary | Buffer };

export function createSecretCollection(db: Db): SecretStore {
  const secrets: Collection<SecretDocument> = db.collection('secrets', {
    writeConcern: { w: 'majority', journal: true },
    readConcern: { level: 'majority' },
  });
  return {
    async add(secret) {
      const document = { _id: idOf(secret), ...secret };
      try {
        await ask(() => secrets.insertOne(document));
        return true;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
      }
      // After a lost answer the driver inserts again: what is there may be ours.
      const found = await ask(() => secrets.findOne({ _id: document._id }));
      return found !== null && toBuffer(found.sealed).equals(secret.sealed);
    },
    async find(name, version) {
      const found = await ask(() => secrets.findOne({ _id: idOf({ name, version }) }));
      return found && { ...headOf(found), sealed: toBuffer(found.sealed) };
    },
    async list() {
      const wanted = { projection: { sealed: 0 }, sort: { name: 1, version: 1 }, limit: secretsListedMax } as const;
      return (await ask(() => secrets.find({}, wanted).toArray())).map(headOf);
    },
    async remove(name, version) {
      await ask(() => secrets.deleteOne({ _id: idOf({ name, version }) }));
    },
  };
}

const idOf = ({ name, version }: Pick<SecretHead, 'name' | 'version'>) => `${version} ${name}`;

const headOf = ({ name, version, keyId, storedAtMs }: Omit<SecretDocument, 'sealed'>): SecretHead => ({
  ...{ name, version, keyId, storedAtMs },
});

/** The driver reads bytes back as its own type. */
const toBuffer = (bytes: Binary | Buffer): Buffer => (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer));
