/** A log whose time is ahead of this machine's clock: a manager whose clock was wrong wrote one commit, and times stand still since. */

import { systemClock } from '../clock.ts';
import type { EventLog } from '../events/log/event-log.ts';
import { streams } from '../events/schema/event.ts';
import type { Projector } from '../projections/live/projector.ts';
import { parseIsoTime } from '../projections/view/iso-time.ts';
import type { Config } from './config.ts';

/** Clocks that are synchronised differ by milliseconds. */
const aheadMinMs = 5_000;

/**
 * Records that the clock is right, where an operator said so.
 * @returns a sentence for users; null when the log's time is not ahead
 */
export async function acceptClock(
  { log, projector }: { log: Pick<EventLog, 'append'>; projector: Pick<Projector, 'view' | 'waitFor'> },
  { isClockAccepted }: Pick<Config, 'isClockAccepted'>,
  actor: string,
): Promise<string | null> {
  const from = projector.view.at;
  const nowMs = systemClock.nowMs();
  const aheadMs = parseIsoTime(from) - nowMs;
  if (aheadMs < aheadMinMs) return null;
  const ahead = `the log's time, ${from}, is ${Math.round(aheadMs / 1_000)} s ahead of this machine's clock`;
  if (!isClockAccepted) return `${ahead}; if this clock is right, start with --accept-clock now`;
  const data = { from, to: new Date(nowMs).toISOString() };
  const meta = { actor, causationId: null };
  const { last } = await log.append([{ stream: streams.cluster, type: 'ClockCorrected', data, meta }]);
  await projector.waitFor(last);
  return `${ahead}: corrected, and times go on from here`;
}
