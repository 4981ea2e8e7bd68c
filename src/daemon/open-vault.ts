/** Opens the store of secrets that a configuration means, and removes now and then what no fact of the log makes current. */

import { join } from 'node:path';
import { systemClock } from '../clock.ts';
import type { EventLog } from '../events/log/event-log.ts';
import type { OpenLog } from '../events/open-log.ts';
import type { Logger } from '../logger.ts';
import { loginSecretName } from '../model/registry.ts';
import type { Closing } from '../process/shutdown.ts';
import type { Projector } from '../projections/live/projector.ts';
import type { ClusterView } from '../projections/view/cluster-view.ts';
import { createCatchUp } from '../reconciler/append/catch-up.ts';
import type { SecretHead } from '../secrets/secret-store.ts';
import { createSecretFiles } from '../secrets/stores/secret-files.ts';
import { createVault, type Vault } from '../secrets/vault.ts';
import type { Config } from './config.ts';

/** In the data folder, beside the embedded log. */
export const secretsFolder = 'secrets';

const sweepEveryMs = 600_000;

type Deps = { db: OpenLog['db']; log: EventLog; projector: Projector; logger: Logger };

export async function openVault(
  { dataDir, secretsKeyPath: keyPath }: Config,
  { db, log, projector, logger }: Deps,
  { clusterId, closing }: { clusterId: string; closing: Closing<'view'> },
): Promise<Vault> {
  const store = db ? await openCollection(db) : createSecretFiles(join(dataDir, secretsFolder));
  const vault = createVault({ store, clock: systemClock }, { clusterId, keyPath });
  const catchUp = createCatchUp({ log, projector });
  const sweep = async () => {
    try {
      // A view that is behind would take a value for forgotten whose fact it does not know yet.
      await catchUp();
      const removed = await vault.sweep((head) => isCurrent(projector.view, head));
      if (removed > 0) logger.info({ removed }, 'values of secrets that are not current any more are removed');
    } catch (error) {
      logger.info({ err: error }, 'secrets not swept; trying again later');
    }
  };
  const timer = setInterval(() => void sweep(), sweepEveryMs).unref();
  closing.add('view', 'secrets', async () => clearInterval(timer));
  return vault;
}

const isCurrent = ({ registryLogins }: ClusterView, { name, version }: SecretHead): boolean => {
  for (const login of registryLogins.values()) {
    if (loginSecretName(login.host) === name) return login.version === version;
  }
  return false;
};

/** The driver is loaded where there is a database. */
async function openCollection(db: NonNullable<OpenLog['db']>) {
  const { createSecretCollection } = await import('../secrets/stores/secret-collection.ts');
  return createSecretCollection(db);
}
