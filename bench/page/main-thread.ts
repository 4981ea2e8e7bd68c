/** How long the main thread of the page works for a frame, by the browser's own trace. */

import type { Page } from 'playwright-core';

type TraceEvent = {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  /** Of the processor: without what other programs took meanwhile. */
  tdur?: number;
  args?: { name?: string };
};

const categories = ['disabled-by-default-devtools.timeline', 'devtools.timeline', '__metadata'];
/** Of a frame at 60 a second: what is longer makes the next one late. */
const frameMs = 1_000 / 60;

export type MainThread = {
  /** Milliseconds of work in each frame that was worked for. */
  perFrame: number[];
  /** By name, in all, the longest first: where the time goes. */
  byName: [name: string, ms: number][];
};

export async function traceMainThread(page: Page, act: () => Promise<void>): Promise<MainThread> {
  const session = await page.context().newCDPSession(page);
  const events: TraceEvent[] = [];
  session.on('Tracing.dataCollected', ({ value }) => events.push(...(value as unknown as TraceEvent[])));
  await session.send('Tracing.start', { traceConfig: { includedCategories: categories } });
  await act();
  const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
  await session.send('Tracing.end');
  await complete;
  await session.detach();
  return summarise(events);
}

/** Pure. A frame of a busy page: the tasks from one that draws to the next. */
function summarise(events: readonly TraceEvent[]): MainThread {
  const busiest = mainThreads(events)
    .map((isOurs) => events.filter((event) => isOurs(event) && event.ph === 'X'))
    .toSorted((a, b) => totalOf(b, 'RunTask') - totalOf(a, 'RunTask'))[0]!;
  const tasks = busiest.filter(({ name }) => name === 'RunTask').toSorted((a, b) => a.ts - b.ts);
  const perFrame: number[] = [];
  let endsUs = 0;
  for (const { ts, dur = 0, tdur = dur } of tasks) {
    if (ts > endsUs) {
      perFrame.push(0);
      endsUs = ts + frameMs * 1_000;
    }
    perFrame[perFrame.length - 1]! += tdur / 1_000;
  }
  const byName = new Map<string, number>();
  for (const { name, dur = 0, tdur = dur } of busiest) byName.set(name, (byName.get(name) ?? 0) + tdur / 1_000);
  return { perFrame, byName: [...byName].toSorted(([, a], [, b]) => b - a) };
}

function mainThreads(events: readonly TraceEvent[]): ((event: TraceEvent) => boolean)[] {
  return events
    .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
    .map(
      ({ pid, tid }) =>
        (event) =>
          event.pid === pid && event.tid === tid,
    );
}

const totalOf = (events: readonly TraceEvent[], wanted: string): number =>
  events.reduce((total, { name, dur = 0 }) => (name === wanted ? total + dur : total), 0);
