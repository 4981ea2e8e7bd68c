/**
 * Keeps the node's session: the session machine as an actor, and which commands belong to the session. Touches neither
 * containers nor the engine.
 */

import { randomUUID } from 'node:crypto';
import { createActor } from 'xstate';
import type { AgentBus } from '../bus/bus.ts';
import type { ChallengeCommand, Refusal, RegisterReport, WantedCommand } from '../bus/messages.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { HostAccess } from '../model/host-access.ts';
import type { AgentInstance } from '../model/node.ts';
import { retryWhileEngineUnavailable } from './engine/retry-while-unavailable.ts';
import {
  type Accepted,
  type Holder,
  type Inventory,
  type SessionOperations,
  sessionMachine,
} from './session-machine.ts';

export type AgentSession = {
  /** null: none, or given up. */
  number(): number | null;
  /** The bus is connected (again): registers, unless a registration is on its way. */
  connected(): void;
  /** Registers again, under a fresh id. One that is not answered yet is cancelled. */
  register(): void;
  /** A manager heard a session it does not know. */
  resync(): void;
  /** Is it meant for the present session, and later than its wanted set? */
  isCurrent(command: { session: number; position: number }): boolean;
  /** Is it an answer to us? A set of this session is, and so is that of a later one of ours. */
  isAnswer(wanted: WantedCommand): boolean;
  /** A leader of an earlier version is there, whose set answers none: a registration that waits is repeated at once. */
  retryNow(): void;
  accept(wanted: WantedCommand): void;
  /** It came through the node's queue: if it is for this instance, no other agent reads it, and the registration says so. */
  challenged(challenge: ChallengeCommand): void;
  /** The node is another instance's: the session is given up, and asked for again in a while. */
  refused(refusal: Refusal): void;
  /** The agent that has the node, as of the last registration; null when no other is known to. */
  holder(): Holder | null;
  close(): void;
};

export type SessionDeps = { bus: AgentBus; clock: Clock; logger: Logger };

export type SessionOptions = {
  clusterId: string;
  node: string;
  instance: AgentInstance;
  publicKey: string;
  hostname: string;
  labels: RegisterReport['labels'];
  agentVersion: string;
  /** Absent: nothing. */
  hostAccess?: HostAccess;
  /** A registration got no answer: it may be waiting where this instance does not look. */
  onUnanswered: () => void;
  /** A manager has a registration that was sent then, by the monotonic clock. */
  onRegistered?: (sentAtMs: number) => void;
  /** The node's queue is the holder's to read. */
  onRefused: () => void;
  /** What the engine is and has. @throws AppError `engine_unavailable`, which is waited out */
  takeInventory: () => Promise<Inventory>;
};

export function createSession(deps: SessionDeps, options: SessionOptions): AgentSession {
  const { logger } = deps;
  const { instance, node } = options;
  /** The last registration; when it was sent first, for the answer may be to that. */
  let registration: { id: string; sentAtMs: number } | null = null;
  const onSend = (id: string) => {
    if (registration?.id !== id) registration = { id, sentAtMs: deps.clock.monotonicMs() };
  };
  const actor = createActor(sessionMachine, { input: { operations: createOperations(deps, options, onSend) } });
  actor.start();
  const state = () => actor.getSnapshot().context;
  return {
    number: () => state().accepted?.session ?? null,
    connected: () => actor.send({ type: 'connected' }),
    register: () => actor.send({ type: 'register' }),
    resync: () => actor.send({ type: 'resync' }),
    isCurrent({ session, position }) {
      const { accepted } = state();
      return accepted !== null && session === accepted.session && position > accepted.position;
    },
    isAnswer: (wanted) => isAnswer(state(), wanted),
    retryNow: () => actor.send({ type: 'retryNow' }),
    accept({ session, position, registrationId }) {
      if (state().accepted?.session !== session) logger.info({ session, position }, 'registered');
      if (registration?.id === registrationId) options.onRegistered?.(registration.sentAtMs);
      actor.send({ type: 'accepted', session, position });
    },
    challenged({ instanceId, hostname }) {
      if (instanceId === instance.id) return actor.send({ type: 'challenged' });
      if (state().accepted) logger.warn({ claimant: { hostname, instanceId } }, `another agent wants node ${node}`);
    },
    refused: (refusal) => actor.send({ type: 'refused', refusal }),
    holder: () => state().holder,
    close: () => actor.send({ type: 'close' }),
  };
}

function createOperations(
  { bus, clock, logger }: SessionDeps,
  options: SessionOptions,
  onSend: (registrationId: string) => void,
): SessionOperations {
  const { takeInventory, onUnanswered, onRegistered: _, onRefused, ...identity } = options;
  return {
    newRegistrationId: randomUUID,
    takeInventory: (interrupted) => retryWhileEngineUnavailable(takeInventory, interrupted),
    send(registration) {
      onSend(registration.registrationId);
      const at = new Date(clock.nowMs()).toISOString();
      return bus.sendReport({ kind: 'register', ...identity, reportId: randomUUID(), at, ...registration });
    },
    onUnanswered(afterMs) {
      logger.warn({ afterMs }, 'registration not answered yet; repeated');
      onUnanswered();
    },
    onFailed(error, what) {
      if (what === 'delivery') logger.warn({ err: error }, 'registration not delivered');
      else logger.error({ err: error }, 'no inventory of the engine for a registration');
    },
    onRefused(holder, isNews) {
      if (isNews) logger.error({ holder }, describeTaken(identity.node, holder));
      onRefused();
    },
  };
}

type Answered = { accepted: Accepted | null; registrationId: string | null };

function isAnswer({ accepted, registrationId }: Answered, wanted: WantedCommand): boolean {
  if (accepted?.session === wanted.session) return wanted.position >= accepted.position;
  if (accepted && wanted.session < accepted.session) return false;
  // One for no registration, without a session, may be of one before this process: what it calls `in queue` may have run.
  return wanted.registrationId === null ? accepted !== null : wanted.registrationId === registrationId;
}

/** For operators: which agent has the node, and what to do. */
export function describeTaken(node: string, { hostname, instance: { pid, startedAt } }: Holder): string {
  const who = `the agent on ${hostname}, process ${pid}, running since ${startedAt}`;
  return `node id ${node} is taken by ${who}: end that one, or give this one another id`;
}
