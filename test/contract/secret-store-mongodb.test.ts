/** The secret store contract on a collection of MongoDB. */

import { randomUUID } from 'node:crypto';
import { createMongoClient } from '../../src/events/stores/mongo/mongo-connection.ts';
import { createSecretCollection } from '../../src/secrets/stores/secret-collection.ts';
import { mongodbUrl } from '../support/log/logs.ts';
import { testSecretStoreContract } from './secret-store-contract.ts';

testSecretStoreContract(
  'mongodb',
  async () => {
    const client = createMongoClient(mongodbUrl!);
    const db = client.db(`co-test-${randomUUID().slice(0, 13)}`);
    return {
      store: createSecretCollection(db),
      async close() {
        await db.dropDatabase();
        await client.close();
      },
    };
  },
  mongodbUrl ? null : 'CO_TEST_MONGODB_URL is not set',
);
