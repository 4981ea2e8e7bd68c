/**
 * A manager's check of the whole chain, in the background and at a low rate: what lies before the end that is checked at a start. A
 * break is an alarm in the log, once, with where it is and what to do.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { mendingHint } from '../../events/log/chain.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import type { Logger } from '../../logger.ts';
import { alarmNames } from '../../model/alarm.ts';
import type { Projector } from '../../projections/live/projector.ts';
import { clearAlarm, raiseAlarm } from '../../reconciler/planner/alarms.ts';
import { createChainCheck } from './chain-check.ts';

export type ChainAudit = { close(): Promise<void> };

export type ChainAuditDeps = {
  log: Pick<EventLog, 'append' | 'readCommits'>;
  projector: Pick<Projector, 'view'>;
  logger: Logger;
};

export type ChainAuditOptions = {
  managerId: string;
  /** After each slice. Default: 50, some thousand commits a second at most. */
  pauseMs?: number;
  /** From the end of one to the next. Default: a day. */
  everyMs?: number;
};

const sliceCommits = 100;

/** Begins at once. */
export function createChainAudit({ log, projector, logger }: ChainAuditDeps, options: ChainAuditOptions): ChainAudit {
  const { managerId, pauseMs = 50, everyMs = 24 * 3_600_000 } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const actor = `manager:${managerId}` as const;
  const alarm = alarmNames.logBroken;

  const checkAll = async () => {
    const check = createChainCheck();
    for (let slot = 0; check.report().broken === null; ) {
      const commits = await log.readCommits({ afterSlot: slot, limit: sliceCommits });
      for (const commit of commits) check.take(commit);
      const last = commits.at(-1);
      if (!last) break;
      slot = last.slot;
      await pause(pauseMs, undefined, { signal });
    }
    const { broken, commits } = check.report();
    if (broken) logger.error({ ...broken }, 'the log is not as it was written');
    else logger.info({ commits }, 'the whole chain of the log is as it was written');
    const message = broken && `slot ${broken.slot}, from position ${broken.position}: ${broken.why}; ${mendingHint}`;
    const event =
      message === null
        ? clearAlarm(projector.view, { alarm }, actor)
        : raiseAlarm(projector.view, { alarm, message }, actor);
    if (event) await log.append([event]);
  };

  const run = async () => {
    while (!signal.aborted) {
      await checkAll().catch((error: unknown) => {
        if (!signal.aborted) logger.warn({ err: error }, 'the chain of the log could not be checked');
      });
      await pause(everyMs, undefined, { signal, ref: false }).catch(() => {});
    }
  };
  const running = run();

  return {
    async close() {
      closing.abort();
      await running;
    },
  };
}
