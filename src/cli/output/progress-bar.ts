/** The one line that shows how far something long is: a share, a rate, and what is left of the time. */

import { systemClock } from '../../clock.ts';

export type Progress = { position: number; end: number; events: number };

export type Totals = { events: number; seconds: number; eventsPerSecond: number };

export type ProgressBar = {
  update(progress: Progress): void;
  /** Takes the line away. Returns what it came to. */
  end(): Totals;
};

type Terminal = { write(text: string): unknown; isTTY?: boolean };

/** Often enough to look alive, seldom enough to cost nothing. */
const redrawMs = 100;
const cells = 24;

export function createProgressBar(what: string, terminal: Terminal): ProgressBar {
  const startedMs = systemClock.monotonicMs();
  let drawnMs = -redrawMs;
  let isDrawn = false;
  let events = 0;
  const secondsSoFar = () => (systemClock.monotonicMs() - startedMs) / 1000;

  return {
    update(progress) {
      events = progress.events;
      const nowMs = systemClock.monotonicMs();
      if (!terminal.isTTY || nowMs - drawnMs < redrawMs) return;
      drawnMs = nowMs;
      isDrawn = true;
      terminal.write(`\r${describeProgress(what, progress, secondsSoFar())}${clearToEnd}`);
    },
    end() {
      if (isDrawn) terminal.write(`\r${clearToEnd}`);
      const seconds = secondsSoFar();
      return { events, seconds, eventsPerSecond: rateOf(events, seconds) };
    },
  };
}

/** The line is gone afterwards, however it ended. */
export async function withProgress<T>(
  bar: ProgressBar,
  run: (onProgress: (progress: Progress) => void) => Promise<T>,
): Promise<Totals & { value: T }> {
  try {
    const value = await run(bar.update);
    return { value, ...bar.end() };
  } catch (error) {
    bar.end();
    throw error;
  }
}

const clearToEnd = '\u001b[K';
const rateOf = (events: number, seconds: number) => (seconds > 0 ? Math.round(events / seconds) : 0);

/** Pure: `replaying [██████░░░░] 61 %  610,000 events  201,000 events/s  2 s left` */
export function describeProgress(what: string, { position, end, events }: Progress, seconds: number): string {
  const share = end > 0 ? Math.min(1, position / end) : 1;
  const full = Math.round(share * cells);
  const bar = `${'█'.repeat(full)}${'░'.repeat(cells - full)}`;
  const rate = rateOf(events, seconds);
  const left = rate > 0 ? `  ${Math.ceil((end - position) / rate)} s left` : '';
  return `${what} [${bar}] ${Math.floor(share * 100)} %  ${count(events)} events  ${count(rate)} events/s${left}`;
}

/** `1,234,567` */
export const count = (value: number): string => value.toLocaleString('en-US');
