/**
 * Whether a manager can act for this node now. It cannot while the broker is away, and not while a manager says that the log
 * is. Decides nothing about containers.
 */

import type { AgentBus } from '../../bus/bus.ts';
import type { Clock } from '../../clock.ts';
import type { OnDisconnect } from '../../model/policy.ts';

export type Contact = {
  /**
   * No manager hears of an end now, and none has replaced what ran here: of a node that was not heard for the node time-out
   * the agent cannot know that, so it is alone for longer only where the service says `keep`.
   */
  isAlone(onDisconnect: OnDisconnect): boolean;
  isConnected(): boolean;
  /**
   * The broker has a heartbeat that was sent then, or a manager a registration. What counts is the sending: nothing that managers
   * judge by is older.
   */
  heard(sentAtMs: number): void;
  /** A manager cannot reach the log. */
  logAway(leaseMs: number): void;
  /** A manager has read the log, and said what it wants. */
  wantedSetCame(nodeTimeoutMs: number | undefined): void;
};

type ContactDeps = { bus: Pick<AgentBus, 'status'>; clock: Pick<Clock, 'monotonicMs'> };

export function createContact({ bus, clock }: ContactDeps): Contact {
  let nodeTimeoutMs: number | null = null;
  let heardAtMs = Number.NEGATIVE_INFINITY;
  let logAwayUntilMs = Number.NEGATIVE_INFINITY;

  const isConnected = () => bus.status().state === 'connected';

  return {
    isAlone(onDisconnect) {
      const nowMs = clock.monotonicMs();
      if (isConnected()) return nowMs < logAwayUntilMs;
      return onDisconnect === 'keep' || (nodeTimeoutMs !== null && nowMs - heardAtMs < nodeTimeoutMs);
    },
    isConnected,
    heard(sentAtMs) {
      heardAtMs = Math.max(heardAtMs, sentAtMs);
    },
    logAway(leaseMs) {
      logAwayUntilMs = clock.monotonicMs() + leaseMs;
    },
    wantedSetCame(timeoutMs) {
      nodeTimeoutMs = timeoutMs ?? nodeTimeoutMs;
      logAwayUntilMs = Number.NEGATIVE_INFINITY;
    },
  };
}
