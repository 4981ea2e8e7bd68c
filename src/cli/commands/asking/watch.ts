/**
 * Shows an answer again and again: on a terminal in place, elsewhere when it is another than before. Until Ctrl-C. A manager
 * is asked again when something happened; a log, every second.
 */

import { systemClock } from '../../../clock.ts';
import type { CliContext } from '../../output/context.ts';
import { createApi } from '../../sources/api.ts';
import { type AskOptions, asksManager } from '../../sources/ask.ts';
import { followFacts } from '../../sources/follow-facts.ts';

export type Watched<T> = {
  read(): Promise<T>;
  /** As it is shown at a time, which ages are counted to. Pure. */
  linesOf(found: T, nowMs: number): string[];
  /** Of the last fact that it shows. */
  positionOf(found: T): number;
  /** It shows what changes without a fact. Pure. */
  isMoving(found: T): boolean;
};

/** Ages on a terminal. */
const redrawMs = 1_000;

/** @throws what `read` throws @returns only when the signal is aborted */
export async function watch<T>(watched: Watched<T>, options: AskOptions, context: CliContext): Promise<void> {
  const { read, positionOf, isMoving } = watched;
  const show = createDisplay(watched, context);
  const readNow = async () => {
    const askedMs = systemClock.monotonicMs();
    const found = await read();
    return { found, seen: { askedMs, position: positionOf(found), isMoving: isMoving(found) } };
  };
  let last = await readNow();
  const api = asksManager(options) ? createApi(context, options) : null;
  const feed = followFacts(api, { after: last.seen.position, signal: context.signal });
  try {
    for (;;) {
      show(last.found);
      await feed.waitUntil(Math.min(feed.dueMs(last.seen), systemClock.monotonicMs() + redrawMs));
      if (systemClock.monotonicMs() >= feed.dueMs(last.seen)) last = await readNow();
    }
  } finally {
    feed.close();
  }
}

function createDisplay<T>({ linesOf }: Watched<T>, context: CliContext): (found: T) => void {
  const live = context.liveLines('out');
  if (live) return (found) => live.update(linesOf(found, systemClock.nowMs()).slice(0, live.linesMax));
  let before: T | null = null;
  return (found) => {
    if (found === before) return;
    const nowMs = systemClock.nowMs();
    const text = linesOf(found, nowMs).join('\n');
    // Ages alone make no other answer.
    if (before === null) context.printWhole(text);
    else if (text !== linesOf(before, nowMs).join('\n')) context.printWhole(`\n${text}`);
    before = found;
  };
}
