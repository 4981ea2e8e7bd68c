/** Drags the slider of the page over the history in a data folder: how soon there is a picture, and how long frames take. */

import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { type Program, startProgram } from '../../test/support/cluster/cluster.ts';
import { openBrowser } from '../../test/support/page/browser.ts';
import { until } from '../../test/support/wait.ts';
import { type BenchRow, percentile } from '../table.ts';
import { type MainThread, traceMainThread } from './main-thread.ts';
import { countFrames, type Drag, installRecorder, settle, takeDrags, takeFrames } from './recorder.ts';

const program = fileURLToPath(new URL('manager-process.ts', import.meta.url));
/** From the input to the painted picture. */
const pictureMsMax = 100;
/** Of the main thread, for a frame. */
const frameMsMax = 16;
/** A frame that is shown later than this was preceded by one that was not shown. */
const lateMs = 25;

/** Places that are asked for first, and then again, so many at a time. */
const placesAtOnce = 8;
const placeRounds = 3;
const dragFrames = 150;
const dragMs = 16;
/** The page loads some of the history beforehand. */
const restMs = 8_000;

export async function startBenchManager(dataDir: string): Promise<{ url: string; manager: Program }> {
  const manager = startProgram([dataDir], {}, program);
  return { url: await manager.line('serves ', 120_000), manager };
}

export async function measurePage(dataDir: string): Promise<BenchRow[]> {
  const { url, manager } = await startBenchManager(dataDir);
  const browser = await openBrowser();
  try {
    const { page } = await browser.open(url);
    page.setDefaultTimeout(120_000);
    await page.locator('[data-testid=time] .co-strip rect').first().waitFor();
    await until('the history is counted', () => isCounted(url), 120_000);
    await pause(restMs);
    await installRecorder(page);
    const slider = await openSlider(page);
    const { cold, warm } = await measureDrags(page, slider);
    const known = await measureFrames(page, slider, 0.6);
    return [
      ...rowsOf('a place for the first time', cold),
      ...rowsOf('a place again', warm),
      ...frameRows('dragging on', known),
    ];
  } finally {
    await browser.close();
    await manager.end();
  }
}

async function isCounted(url: string): Promise<boolean> {
  const { through, head } = (await (await fetch(`${url}/density`)).json()) as { through: number; head: number };
  return through >= head;
}

/** Takes the handle. @returns moves it to a part of the history */
async function openSlider(page: Page): Promise<(part: number) => Promise<void>> {
  const box = (await page.getByLabel('Point in time').boundingBox())!;
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.02, y);
  await page.mouse.down();
  await settle(page);
  return (part) => page.mouse.move(box.x + box.width * part, y);
}

async function measureDrags(
  page: Page,
  moveTo: (part: number) => Promise<void>,
): Promise<Record<'cold' | 'warm', Drag[]>> {
  const cold: Drag[] = [];
  const warm: Drag[] = [];
  await takeDrags(page);
  const visit = async (parts: readonly number[], into: Drag[]) => {
    for (const part of parts) {
      await moveTo(part);
      await pause(20);
      await settle(page);
    }
    into.push(...(await takeDrags(page)));
  };
  const places = scatter(placesAtOnce * placeRounds);
  for (let first = 0; first < places.length; first += placesAtOnce) {
    const parts = places.slice(first, first + placesAtOnce);
    await visit(parts, cold);
    await visit(parts.toReversed(), warm);
    await visit(parts, warm);
  }
  return { cold, warm };
}

/** Over the history, in no order, and each far from those before it. */
function scatter(count: number): number[] {
  const golden = (Math.sqrt(5) - 1) / 2;
  return Array.from({ length: count }, (_, index) => 0.1 + 0.85 * ((index * golden) % 1));
}

type Frames = { intervals: number[]; trace: MainThread };

/** Back and forth from there, a pixel or two a frame. */
async function measureFrames(page: Page, moveTo: (part: number) => Promise<void>, from: number): Promise<Frames> {
  const drag = async () => {
    for (let frame = 0; frame < dragFrames; frame += 1) {
      await Promise.all([moveTo(from + 0.08 * Math.sin(frame / 40)), pause(dragMs)]);
    }
  };
  await drag();
  await settle(page);
  await countFrames(page);
  const trace = await traceMainThread(page, drag);
  const intervals = await takeFrames(page);
  await settle(page);
  for (const [name, ms] of trace.byName.slice(0, 12)) console.error(`    ${name} ${ms.toFixed(0)} ms`);
  return { intervals, trace };
}

function rowsOf(what: string, drags: readonly Drag[]): BenchRow[] {
  const near = drags.map((drag) => drag.near);
  const exact = drags.map((drag) => drag.exact);
  return [
    {
      name: `${what}: a picture, ${drags.length} drags`,
      ...spread(near),
      target: `≤ ${pictureMsMax} ms`,
      met: percentile(near, 0.95) <= pictureMsMax,
    },
    {
      name: `${what}: the exact picture`,
      ...spread(exact),
      target: `≤ ${pictureMsMax} ms`,
      met: percentile(exact, 0.95) <= pictureMsMax,
    },
  ];
}

function frameRows(what: string, { intervals, trace }: Frames): BenchRow[] {
  const share = (values: readonly number[], max: number) =>
    `${Math.round((100 * values.filter((ms) => ms > max).length) / values.length)} % over ${max}`;
  return [
    {
      name: `${what}: work of the main thread a frame`,
      ...spread(trace.perFrame, share(trace.perFrame, frameMsMax)),
      target: `≤ ${frameMsMax} ms`,
      met: percentile(trace.perFrame, 0.95) <= frameMsMax,
    },
    {
      name: `${what}: from frame to frame`,
      ...spread(intervals, share(intervals, lateMs)),
      target: '',
      met: null,
    },
  ];
}

function spread(values: readonly number[], more = ''): Pick<BenchRow, 'value' | 'ratio'> {
  const [p50, p95, max] = [0.5, 0.95, 1].map((part) => percentile(values, part).toFixed(0));
  return { value: `p50 ${p50}, p95 ${p95}, most ${max} ms${more === '' ? '' : `, ${more}`}`, ratio: null };
}
