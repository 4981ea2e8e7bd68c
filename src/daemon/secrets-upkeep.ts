/**
 * Looks after the store of secrets now and then: an alarm while this manager cannot read what is stored, and what no fact of the log
 * makes current is removed.
 */

import { AppError } from '../errors.ts';
import type { EventLog } from '../events/log/event-log.ts';
import type { Logger } from '../logger.ts';
import { alarmNames } from '../model/alarm.ts';
import { loginSecretName } from '../model/registry.ts';
import type { Projector } from '../projections/live/projector.ts';
import type { ClusterView } from '../projections/view/cluster-view.ts';
import { createCatchUp } from '../reconciler/append/catch-up.ts';
import { clearAlarm, raiseAlarm } from '../reconciler/planner/alarms.ts';
import type { SecretHead } from '../secrets/secret-store.ts';
import type { Vault } from '../secrets/vault.ts';

export type SecretsUpkeep = {
  /** One round; never throws. */
  lookNow(): Promise<void>;
  close(): void;
};

type Deps = {
  vault: Pick<Vault, 'check' | 'sweep'>;
  log: Pick<EventLog, 'append' | 'head'>;
  projector: Pick<Projector, 'view' | 'waitFor'>;
  logger: Logger;
};

/** `host`: whose key file it is; the same after a restart, so that the alarm can end. */
export type UpkeepOptions = { host: string; managerId: string; everyMs?: number };

const everyDefaultMs = 300_000;

export function createSecretsUpkeep(
  { vault, log, projector, logger }: Deps,
  { host, managerId, everyMs = everyDefaultMs }: UpkeepOptions,
): SecretsUpkeep {
  const { view } = projector;
  const catchUp = createCatchUp({ log, projector });
  const about = { alarm: alarmNames.secretsKey, subject: host };
  const actor = `manager:${managerId}`;

  /** null: what is stored can be read, as far as the key is concerned. */
  const findFault = async (): Promise<string | null> => {
    try {
      await vault.check();
      return null;
    } catch (error) {
      if (error instanceof AppError && error.code.startsWith('secrets_key_')) return error.message;
      throw error;
    }
  };

  const lookNow = async () => {
    try {
      // A view that is behind would take a value for forgotten whose fact it does not know yet.
      await catchUp();
      const fault = await findFault();
      const event =
        fault === null ? clearAlarm(view, about, actor) : raiseAlarm(view, { ...about, message: fault }, actor);
      if (event) await log.append([event]);
      const removed = await vault.sweep((head) => isCurrent(view, head));
      if (removed > 0) logger.info({ removed }, 'stored secrets that are not current any more are removed');
    } catch (error) {
      logger.info({ err: error }, 'the store of secrets was not looked after; trying again later');
    }
  };

  const timer = setInterval(() => void lookNow(), everyMs).unref();
  return { lookNow, close: () => clearInterval(timer) };
}

function isCurrent({ registryLogins }: ClusterView, { name, version }: SecretHead): boolean {
  for (const login of registryLogins.values()) {
    if (loginSecretName(login.host) === name) return login.version === version;
  }
  return false;
}
