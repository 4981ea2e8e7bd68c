/** Opens the store of secrets that a configuration means, and looks after it. */

import { hostname } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../clock.ts';
import type { EventLog } from '../events/log/event-log.ts';
import type { OpenLog } from '../events/open-log.ts';
import type { Logger } from '../logger.ts';
import type { Closing } from '../process/shutdown.ts';
import type { Projector } from '../projections/live/projector.ts';
import { createSecretFiles } from '../secrets/stores/secret-files.ts';
import { createVault, type Vault } from '../secrets/vault.ts';
import type { Config } from './config.ts';
import { createSecretsUpkeep } from './secrets-upkeep.ts';

/** In the data folder, beside the embedded log. */
export const secretsFolder = 'secrets';

type Deps = { db: OpenLog['db']; log: EventLog; projector: Projector; logger: Logger };
type VaultScope = { clusterId: string; managerId: string; closing: Closing<'view'> };

export async function openVault(
  { dataDir, secretsKeyPath: keyPath }: Config,
  { db, ...deps }: Deps,
  { clusterId, managerId, closing }: VaultScope,
): Promise<Vault> {
  const store = db ? await openCollection(db) : createSecretFiles(join(dataDir, secretsFolder));
  const vault = createVault({ store, clock: systemClock }, { clusterId, keyPath });
  const upkeep = createSecretsUpkeep({ vault, ...deps }, { host: hostname(), managerId });
  closing.add('view', 'secrets', async () => upkeep.close());
  void upkeep.lookNow();
  return vault;
}

/** The driver is loaded where there is a database. */
async function openCollection(db: NonNullable<OpenLog['db']>) {
  const { createSecretCollection } = await import('../secrets/stores/secret-collection.ts');
  return createSecretCollection(db);
}
