/** Reports that the engine was lost, and that it answers again: each is sent until the bus has it, or the next takes its place. */

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { AgentBus } from '../../bus/bus.ts';
import type { EngineReport } from '../../bus/messages.ts';
import type { Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';

export type EngineReports = {
  /** In the engine client's own words. */
  lost(message: string): void;
  returned(): void;
  close(): void;
};

const pauseMs = 1_000;
const messageMax = 1_024;

export function createEngineReports(
  { bus, clock, logger }: { bus: Pick<AgentBus, 'sendReport'>; clock: Clock; logger: Logger },
  options: { clusterId: string; node: string; session: () => number | null; timeoutMs: number },
): EngineReports {
  const { clusterId, node, session, timeoutMs } = options;
  let sending = new AbortController();

  const send = async (report: EngineReport, { signal }: AbortController) => {
    while (!signal.aborted) {
      try {
        return await bus.sendReport(report);
      } catch (error) {
        if (error instanceof AppError && error.retryable) logger.debug({ err: error }, 'report of the engine delayed');
        else return logger.error({ err: error }, 'report of the engine not delivered');
      }
      await pause(pauseMs, undefined, { signal }).catch(() => {});
    }
  };

  /** Without a session there is nothing to say: a registration needs an engine that answers. */
  const report = (body: { kind: 'engine-lost'; message: string; timeoutMs: number } | { kind: 'engine-returned' }) => {
    sending.abort();
    sending = new AbortController();
    const current = session();
    if (current === null) return;
    const at = new Date(clock.nowMs()).toISOString();
    void send({ clusterId, node, reportId: randomUUID(), at, session: current, ...body }, sending);
  };

  return {
    lost: (message) => report({ kind: 'engine-lost', message: message.slice(0, messageMax).toWellFormed(), timeoutMs }),
    returned: () => report({ kind: 'engine-returned' }),
    close: () => sending.abort(),
  };
}
