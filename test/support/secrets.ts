/** A vault for tests, in a folder of its own. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import type { SecretStore } from '../../src/secrets/secret-store.ts';
import { createSecretFiles } from '../../src/secrets/stores/secret-files.ts';
import { createVault, type Vault } from '../../src/secrets/vault.ts';
import { clusterId } from './log/history.ts';

export type TestVault = { vault: Vault; store: SecretStore; dir: string; keyPath: string; close(): Promise<void> };

export async function openTestVault(): Promise<TestVault> {
  const dir = await mkdtemp(join(tmpdir(), 'co-vault-'));
  const [store, keyPath] = [createSecretFiles(join(dir, 'secrets')), join(dir, 'secrets.key')];
  const vault = createVault({ store, clock: systemClock }, { clusterId, keyPath });
  return { vault, store, dir, keyPath, close: () => rm(dir, { recursive: true }) };
}
