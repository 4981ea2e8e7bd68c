/**
 * Owns the node's session: registering until a wanted set answers, and which commands belong to it. Touches neither
 * containers nor the engine.
 *
 * ```
 * connected, resync, engine back ─▶ register ─▶ … repeated … ─▶ wanted set of this registration ─▶ session
 *                                      ▲  │                                        (the one before stays valid until then)
 *             at once, proven by reading │  ▼ another instance holds the node
 *                      challenge through the node's queue ─▶ or a refusal, while that one is heard ─▶ again in a while
 * ```
 */

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { AgentBus } from '../bus/bus.ts';
import type { ChallengeCommand, Refusal, RegisterReport, WantedCommand } from '../bus/messages.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import type { AgentInstance } from '../model/node.ts';
import { retryWhileEngineUnavailable } from './engine/retry-while-unavailable.ts';

export type AgentSession = {
  /** null: none, or given up. */
  number(): number | null;
  /**
   * The bus is connected (again): registers, unless a registration is on its way. The bus sends again by itself what it
   * could not confirm, so a second one would take the session of the first.
   */
  connected(): void;
  /** Registers again, under a fresh id. One that is not answered yet is cancelled. */
  register(): void;
  /** A manager heard a session it does not know. */
  resync(): void;
  /** Gives the session up and registers as soon as the engine answers. */
  giveUp(): void;
  /** Is it meant for the present session, and later than its wanted set? */
  isCurrent(command: { session: number; position: number }): boolean;
  /** Is it an answer to us? A set of this session is, and so is that of a later one of ours. */
  isAnswer(wanted: WantedCommand): boolean;
  /** A leader is there now: a registration that waits for its answer is repeated at once. */
  retryNow(): void;
  accept(wanted: WantedCommand): void;
  /** It came through the node's queue: if it is for this instance, nobody else reads it, and the registration says so. */
  challenged(challenge: ChallengeCommand): void;
  /** The node is another instance's: the session is given up, and asked for again in a while. */
  refused(refusal: Refusal): void;
  /** Who holds the node, as of the last registration; null when nobody else is known to. */
  holder(): Holder | null;
  close(): void;
};

export type Holder = Refusal['holder'];

export type Inventory = Pick<RegisterReport, 'engine' | 'inventory'>;

export type SessionOptions = {
  clusterId: string;
  node: string;
  instance: AgentInstance;
  hostname: string;
  labels: RegisterReport['labels'];
  agentVersion: string;
  /** A registration got no answer: it may be waiting where this instance does not look. */
  onUnanswered: () => void;
  /** The node's queue is the holder's to read. */
  onRefused: () => void;
  /** What the engine is and has. @throws AppError `engine_unavailable`, which is waited out */
  takeInventory: () => Promise<Inventory>;
};

/** An answer takes milliseconds; without one the manager that should have given it is gone. */
const answerMinMs = 2_000;
const answerMaxMs = 15_000;
/** A resync this soon after an answer is about a beat of the session before. If not, the next beat brings another. */
const settlingMs = 1_500;
/** The holder is lost in about this time, if it is. */
const refusedRetryMs = 5_000;

/** What ends the wait for an answer early. */
type Signal = 'retry now' | 'connected' | 'refused';

type Attempt = {
  registrationId: string;
  cancelled: AbortController;
  /** What the next report says. */
  readsQueue: boolean;
  signal: (signal: Signal) => void;
};

export function createSession(
  { bus, clock, logger }: { bus: AgentBus; clock: Clock; logger: Logger },
  options: SessionOptions,
): AgentSession {
  const { takeInventory, onUnanswered, onRefused, ...identity } = options;
  let accepted: { session: number; position: number; atMs: number } | null = null;
  let attempt: Attempt | null = null;
  let lastRegistrationId: string | null = null;
  let holder: Holder | null = null;
  let isClosed = false;

  const register = () => {
    attempt?.cancelled.abort();
    attempt = null;
    if (isClosed) return;
    const cancelled = new AbortController();
    const begun: Attempt = { registrationId: randomUUID(), cancelled, readsQueue: false, signal: () => {} };
    attempt = begun;
    lastRegistrationId = begun.registrationId;
    repeat(begun).catch((error: unknown) => {
      if (!begun.cancelled.signal.aborted) logger.error({ err: error }, 'registering failed');
    });
  };

  const repeat = async (current: Attempt) => {
    const { signal } = current.cancelled;
    for (let answerMs = answerMinMs; ; ) {
      const found = await retryWhileEngineUnavailable(takeInventory, signal);
      let next = nextSignal(current);
      let isDelivered = true;
      await bus.sendReport(toReport(current, found)).catch((error: unknown) => {
        isDelivered = false;
        if (!signal.aborted) logger.warn({ err: error }, 'registration not delivered');
      });
      let early = await within(answerMs, next, signal);
      while (early === 'connected' && isDelivered) {
        // The broker has it, and the answer waits in the node's queue if there is one.
        answerMs = answerMinMs;
        next = nextSignal(current);
        early = await within(answerMs, next, signal);
      }
      if (early === 'refused') await within(refusedRetryMs, null, signal);
      signal.throwIfAborted();
      if (early !== null) continue;
      logger.warn({ answerMs }, 'registration not answered yet; repeated');
      onUnanswered();
      answerMs = Math.min(answerMs * 2, answerMaxMs);
    }
  };

  const nextSignal = (current: Attempt): Promise<Signal> => {
    const { promise, resolve } = Promise.withResolvers<Signal>();
    current.signal = resolve;
    return promise;
  };

  const toReport = (current: Attempt, found: Inventory): RegisterReport => {
    const { registrationId, readsQueue } = current;
    const at = new Date(clock.nowMs()).toISOString();
    // True of this moment only.
    current.readsQueue = false;
    const proof = readsQueue ? { readsQueue } : {};
    return { kind: 'register', ...identity, reportId: randomUUID(), at, registrationId, ...proof, ...found };
  };

  return {
    number: () => accepted?.session ?? null,
    connected() {
      if (attempt) attempt.signal('connected');
      else register();
    },
    register,
    resync() {
      const isSettling = accepted !== null && clock.monotonicMs() - accepted.atMs < settlingMs;
      if (!attempt && !isSettling) register();
    },
    giveUp() {
      accepted = null;
      register();
    },
    isCurrent: ({ session, position }) =>
      accepted !== null && session === accepted.session && position > accepted.position,
    isAnswer({ session, position, registrationId }) {
      if (accepted?.session === session) return position >= accepted.position;
      if (accepted && session < accepted.session) return false;
      if (registrationId === lastRegistrationId) return true;
      // Without a session it may be of one before this process: what it calls `in queue` may have run since.
      return registrationId === null && accepted !== null;
    },
    retryNow: () => attempt?.signal('retry now'),
    accept({ session, position }) {
      if (accepted?.session !== session) logger.info({ session, position }, 'registered');
      accepted = { session, position, atMs: clock.monotonicMs() };
      holder = null;
      attempt?.cancelled.abort();
      attempt = null;
    },
    challenged({ instanceId, hostname }) {
      if (instanceId !== identity.instance.id) {
        if (accepted) logger.warn({ claimant: { hostname, instanceId } }, 'another agent asks for this node');
        return;
      }
      if (!attempt) return;
      attempt.readsQueue = true;
      attempt.signal('retry now');
    },
    refused(refusal) {
      if (!attempt || refusal.registrationId !== attempt.registrationId) return;
      const isNews = holder?.instance.id !== refusal.holder.instance.id;
      holder = refusal.holder;
      if (isNews) logger.error({ holder }, describeTaken(identity.node, holder));
      accepted = null;
      onRefused();
      attempt.signal('refused');
    },
    holder: () => holder,
    close() {
      isClosed = true;
      attempt?.cancelled.abort();
    },
  };
}

/** For people: who has the node, and what to do. */
export function describeTaken(node: string, { hostname, instance: { pid, startedAt } }: Holder): string {
  const who = `the agent on ${hostname}, process ${pid}, running since ${startedAt}`;
  return `node id ${node} is taken by ${who}: end that one, or give this one another id`;
}

/** null when nothing came in time, or when it is called off. */
async function within<T>(ms: number, promise: Promise<T> | null, signal: AbortSignal): Promise<T | null> {
  const over = new AbortController();
  const timeout = pause(ms, null, { signal: AbortSignal.any([signal, over.signal]) }).catch(() => null);
  try {
    return await (promise ? Promise.race([promise, timeout]) : timeout);
  } finally {
    over.abort();
  }
}
