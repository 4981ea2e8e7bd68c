/** Drags the slider of the page over the history in a data folder: how soon there is a picture, and how long frames take. */

import { setTimeout as pause } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { openBrowser } from '../../test/support/page/browser.ts';
import { until } from '../../test/support/wait.ts';
import { type BenchRow, percentile } from '../table.ts';
import { startBenchManager } from './bench-manager.ts';
import { type MainThread, traceMainThread } from './main-thread.ts';
import { countFrames, type Drag, installRecorder, settle, takeDrags, takeFrames } from './recorder.ts';
import { spread } from './spread.ts';

/** From the input to the painted picture. */
const pictureMsMax = 100;
/** Of the main thread, for a frame. */
const frameMsMax = 16;
/** A frame that is shown later than this was preceded by one that was not shown. */
const lateMs = 25;

/** Places that are asked for first, and then again, so many at a time. */
const placesAtOnce = 5;
const placeRounds = 4;
const dragFrames = 150;
const dragMs = 16;
/** Until an input has reached the page. */
const inputMs = 20;
/** Of the trace, in milliseconds a frame. */
const namesShown = 6;
/** The page loads some of the history beforehand. */
const restMs = 8_000;

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
    const known = await measureFrames(page, slider);
    return [...rowsOf('a place for the first time', cold), ...rowsOf('a place again', warm), ...frameRows(known)];
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
      await pause(inputMs);
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

/** Back and forth over some blocks, a pixel or two a frame, once they are loaded. */
async function measureFrames(page: Page, moveTo: (part: number) => Promise<void>): Promise<Frames> {
  const from = 0.6;
  const wide = 0.01;
  const drag = async () => {
    for (let frame = 0; frame < dragFrames; frame += 1) {
      await Promise.all([moveTo(from + wide * Math.sin(frame / 40)), pause(dragMs)]);
    }
  };
  for (let step = -2; step <= 2; step += 1) {
    await moveTo(from + (wide * step) / 2);
    await pause(inputMs);
    await settle(page);
  }
  await drag();
  await settle(page);
  await countFrames(page);
  const trace = await traceMainThread(page, drag);
  return { intervals: await takeFrames(page), trace };
}

function rowsOf(what: string, drags: readonly Drag[]): BenchRow[] {
  const near = drags.map((drag) => drag.near);
  const exact = drags.map((drag) => drag.exact);
  const target = `p95 ≤ ${pictureMsMax} ms`;
  const isMet = (values: readonly number[]) => percentile(values, 0.95) <= pictureMsMax;
  return [
    { name: `${what}: a picture, of ${drags.length} drags`, ...spread(near), target, met: isMet(near) },
    { name: `${what}: the exact picture`, ...spread(exact), target, met: isMet(exact) },
  ];
}

function frameRows({ intervals, trace }: Frames): BenchRow[] {
  const { perFrame, byName } = trace;
  const share = (values: readonly number[], max: number) =>
    `${Math.round((100 * values.filter((ms) => ms > max).length) / values.length)} % over ${max}`;
  const where = byName.slice(0, namesShown).map(([name, ms]) => `${name} ${Math.round(ms / dragFrames)}`);
  const work = spread(perFrame);
  const between = spread(intervals);
  return [
    {
      name: `dragging: work of the main thread for a frame (${where.join(', ')})`,
      ...{ ...work, value: `${work.value}, ${share(perFrame, frameMsMax)}` },
      target: `p95 ≤ ${frameMsMax} ms`,
      met: percentile(perFrame, 0.95) <= frameMsMax,
    },
    {
      name: 'dragging: from frame to frame',
      ...{ ...between, value: `${between.value}, ${share(intervals, lateMs)}` },
      target: '',
      met: null,
    },
  ];
}
