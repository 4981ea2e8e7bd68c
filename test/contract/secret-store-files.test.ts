/** The secret store contract on files. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecretFiles } from '../../src/secrets/stores/secret-files.ts';
import { testSecretStoreContract } from './secret-store-contract.ts';

testSecretStoreContract('files', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'co-secrets-'));
  return {
    store: createSecretFiles(join(dir, 'secrets')),
    close: () => rm(dir, { recursive: true }),
  };
});
