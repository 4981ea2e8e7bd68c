/**
 * Adds to a command the logins that its pulls need, each sealed for the agent that gets it: no value is in a message in clear. A login
 * that cannot be read is an alarm, and the command goes without it.
 */

import type { Command, SealedLogin } from '../../bus/messages.ts';
import { errorMessage } from '../../errors.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import type { Logger } from '../../logger.ts';
import { alarmNames } from '../../model/alarm.ts';
import { registryHostOf } from '../../model/image.ts';
import { loginPurpose, loginSecretName, type RegistryLogin } from '../../model/registry.ts';
import type { ClusterView, NodeView } from '../../projections/view/cluster-view.ts';
import type { RegistryLoginView } from '../../projections/view/image-view.ts';
import { sealBox } from '../../secrets/sealed-box.ts';
import type { Vault } from '../../secrets/vault.ts';
import { type AlarmEvent, clearAlarm, raiseAlarm, subjectsOf } from '../planner/alarms.ts';

export type LoginSealer = {
  /** The command as it was, where no image of it has a login, or its agent has no key. Never throws. */
  complete(command: Command): Promise<Command>;
  /** Of hosts whose login was removed. */
  clearOfRemoved(): void;
};

type Deps = { log: Pick<EventLog, 'append'>; view: ClusterView; vault: Pick<Vault, 'get'> | null; logger: Logger };

const alarm = alarmNames.loginUnreadable;

/** @param term the leadership that alarms are written under; null writes nothing */
export function createLoginSealer(
  { log, view, vault, logger }: Deps,
  { term }: { term: () => number | null },
): LoginSealer {
  const write = (event: AlarmEvent | null) => {
    const current = term();
    if (current === null || event === null) return;
    log.append([event], { term: current }).catch((error: unknown) => {
      // The next command that needs the login records it again.
      logger.warn({ err: error, alarm }, 'alarm not recorded');
    });
  };

  /** null: it cannot be read. */
  const readLogin = async ({ host, username, version }: RegistryLoginView): Promise<RegistryLogin | null> => {
    try {
      if (vault === null) throw new Error('this manager keeps no secrets');
      const password = (await vault.get(loginSecretName(host), version)).toString('utf8');
      write(clearAlarm(view, { alarm, subject: host }));
      return { username, password };
    } catch (error) {
      logger.error({ err: error, host, version }, 'the login at a registry cannot be read');
      const message = `the login at ${host} cannot be read, so nodes pull without it: ${errorMessage(error)}`;
      write(raiseAlarm(view, { alarm, subject: host, message }));
      return null;
    }
  };

  const seal = async (login: RegistryLoginView, node: NodeView, clusterId: string): Promise<SealedLogin> => {
    const { host, version } = login;
    const content = await readLogin(login);
    if (content === null) return { host, version, sealed: null };
    const purpose = loginPurpose({ clusterId, node: node.id, session: node.session, host, version });
    return { host, version, sealed: sealBox(Buffer.from(JSON.stringify(content)), node.publicKey!, purpose) };
  };

  return {
    async complete(command) {
      if (command.kind !== 'start' && command.kind !== 'wanted') return command;
      const node = view.nodes.get(command.node);
      if (!node || node.publicKey === null || node.session !== command.session || view.registryLogins.size === 0) {
        return command;
      }
      const specs = command.kind === 'start' ? [command.spec] : command.specs.map(({ spec }) => spec);
      const hosts = new Set(specs.map(({ image }) => registryHostOf(image)));
      const needed = [...hosts].flatMap((host) => view.registryLogins.get(host) ?? []);
      if (needed.length === 0) return command;
      try {
        const logins = await Promise.all(needed.map((login) => seal(login, node, command.clusterId)));
        return { ...command, logins };
      } catch (error) {
        logger.error({ err: error, node: node.id }, 'logins could not be sealed for a node');
        return command;
      }
    },
    clearOfRemoved() {
      for (const host of subjectsOf(view, alarm)) {
        if (!view.registryLogins.has(host)) write(clearAlarm(view, { alarm, subject: host }));
      }
    },
  };
}
