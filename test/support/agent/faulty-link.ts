/** An agent's connection to the bus that a test can cut: every report is refused then, and no heartbeat arrives. */

import type { AgentBus } from '../../../src/bus/bus.ts';
import { AppError } from '../../../src/errors.ts';

export type FaultyLink = {
  through(bus: AgentBus): AgentBus;
  /** Connected again, agents hear of it. */
  setAway(isAway: boolean): void;
};

export function createFaultyLink(): FaultyLink {
  const listeners = new Set<() => void>();
  let isAway = false;
  return {
    through: (bus) => ({
      ...bus,
      status: () => (isAway ? { ...bus.status(), state: 'connecting' } : bus.status()),
      onConnected(listener) {
        listeners.add(listener);
        bus.onConnected(listener);
        return () => listeners.delete(listener);
      },
      async sendReport(report) {
        if (isAway) throw new AppError('bus_unavailable', 'the bus is away', { retryable: true });
        await bus.sendReport(report);
      },
      sendHeartbeat(heartbeat, onTaken) {
        if (!isAway) bus.sendHeartbeat(heartbeat, onTaken);
      },
    }),
    setAway(away) {
      const isBack = isAway && !away;
      isAway = away;
      if (isBack) for (const listener of listeners) listener();
    },
  };
}
