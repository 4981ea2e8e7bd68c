/**
 * Fences commands: one for another node, session or instance, or from before the last wanted set, does nothing. The
 * others go to the session or the worker.
 */

import type { Disposition } from '../bus/bus.ts';
import type { Command, WantedCommand } from '../bus/messages.ts';
import { hasCode } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { DigestAnswers } from './containers/digest-answers.ts';
import type { Worker } from './containers/worker.ts';
import type { Engine, EngineContainer } from './engine/engine.ts';
import type { Contact } from './reports/contact.ts';
import type { AgentSession } from './session.ts';

export type CommandHandlerDeps = {
  session: AgentSession;
  worker: Worker;
  contact: Pick<Contact, 'logAway'>;
  digests: Pick<DigestAnswers, 'answered'>;
  engine: Engine;
  logger: Logger;
};

export type CommandHandlerOptions = {
  clusterId: string;
  node: string;
  instanceId: string;
  closing: AbortSignal;
  /** A wanted set answered the registration. */
  onRegistered: () => void;
  /** Its actions have begun. */
  onSynced: () => void;
};

export function createCommandHandler(
  { session, worker, contact, digests, engine, logger }: CommandHandlerDeps,
  { clusterId, node, instanceId, closing, onRegistered, onSynced }: CommandHandlerOptions,
): (command: Command) => Promise<Disposition> {
  const takeWanted = async (wanted: WantedCommand) => {
    if (!session.isAnswer(wanted)) {
      if (wanted.registrationId === null) session.retryNow();
      return;
    }
    const found = await listUnlessAway(engine);
    // A set that cannot be compared with the engine now is outdated later.
    if (!found) return session.register();
    if (closing.aborted || !session.isAnswer(wanted)) return;
    session.accept(wanted);
    onRegistered();
    await worker.sync(wanted, found);
    onSynced();
  };

  return async (command) => {
    if (command.clusterId !== clusterId || command.node !== node || closing.aborted) return 'ack';
    if (command.kind === 'resync') {
      if ((command.instanceId ?? instanceId) === instanceId) session.resync();
    } else if (command.kind === 'challenge') session.challenged(command);
    else if (command.kind === 'image') digests.answered(command.container, command.digest);
    else if (command.kind === 'alone') contact.logAway(command.leaseMs);
    else if (command.kind === 'wanted') await takeWanted(command);
    else if (session.isCurrent(command)) worker.apply(command);
    else logger.debug({ kind: command.kind, session: command.session, position: command.position }, 'command fenced');
    return 'ack';
  };
}

async function listUnlessAway(engine: Engine): Promise<EngineContainer[] | null> {
  try {
    return await engine.list();
  } catch (error) {
    if (!hasCode(error, 'engine_unavailable')) throw error;
    return null;
  }
}
