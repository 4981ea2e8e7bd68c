/**
 * Owns the node's session: registering until a wanted set answers, and which commands belong to it. Touches neither
 * containers nor the engine.
 *
 * ```
 * connected, resync, engine back ─▶ register ─▶ … repeated … ─▶ wanted set of this registration ─▶ session
 *                                                                                  (the one before stays valid until then)
 * ```
 */

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { AgentBus } from '../bus/bus.ts';
import type { RegisterReport, WantedCommand } from '../bus/messages.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { outlastOutage } from './outage.ts';

export type AgentSession = {
  /** null: none, or given up. */
  number(): number | null;
  /** Registers anew, under a fresh id. One that is not answered yet is called off. */
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
  hurry(): void;
  accept(wanted: WantedCommand): void;
  close(): void;
};

export type Inventory = Pick<RegisterReport, 'engine' | 'inventory'>;

export type SessionOptions = {
  clusterId: string;
  node: string;
  hostname: string;
  labels: RegisterReport['labels'];
  agentVersion: string;
  /** What the engine is and has. @throws AppError `engine_unavailable`, which is waited out */
  takeInventory: () => Promise<Inventory>;
};

/** An answer takes milliseconds; without one the manager that should have given it is gone. */
const answerMinMs = 2_000;
const answerMaxMs = 15_000;
/** A resync this soon after an answer is about a beat of the session before. If not, the next beat brings another. */
const settlingMs = 1_500;

type Attempt = { registrationId: string; calledOff: AbortController; hurry: () => void };

export function createSession(
  { bus, clock, logger }: { bus: AgentBus; clock: Clock; logger: Logger },
  options: SessionOptions,
): AgentSession {
  const { takeInventory, ...identity } = options;
  let accepted: { session: number; position: number; atMs: number } | null = null;
  let attempt: Attempt | null = null;
  let lastRegistrationId: string | null = null;
  let isClosed = false;

  const register = () => {
    attempt?.calledOff.abort();
    attempt = null;
    if (isClosed) return;
    const begun: Attempt = { registrationId: randomUUID(), calledOff: new AbortController(), hurry: () => {} };
    attempt = begun;
    lastRegistrationId = begun.registrationId;
    repeat(begun).catch((error: unknown) => {
      if (!begun.calledOff.signal.aborted) logger.error({ err: error }, 'registering failed');
    });
  };

  const repeat = async (current: Attempt) => {
    const { signal } = current.calledOff;
    for (let answerMs = answerMinMs; ; answerMs = Math.min(answerMs * 2, answerMaxMs)) {
      const found = await outlastOutage(takeInventory, signal);
      await bus.sendReport(toReport(current.registrationId, found)).catch((error: unknown) => {
        if (!signal.aborted) logger.warn({ err: error }, 'registration not delivered');
      });
      const hurried = new AbortController();
      current.hurry = () => hurried.abort();
      await pause(answerMs, undefined, { signal: AbortSignal.any([signal, hurried.signal]) }).catch(() => {});
      signal.throwIfAborted();
      if (!hurried.signal.aborted) logger.warn({ answerMs }, 'registration not answered yet; repeated');
    }
  };

  const toReport = (registrationId: string, found: Inventory): RegisterReport => {
    const at = new Date(clock.nowMs()).toISOString();
    return { kind: 'register', ...identity, reportId: randomUUID(), at, registrationId, ...found };
  };

  return {
    number: () => accepted?.session ?? null,
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
    hurry: () => attempt?.hurry(),
    accept({ session, position }) {
      if (accepted?.session !== session) logger.info({ session, position }, 'registered');
      accepted = { session, position, atMs: clock.monotonicMs() };
      attempt?.calledOff.abort();
      attempt = null;
    },
    close() {
      isClosed = true;
      attempt?.calledOff.abort();
    },
  };
}
