/**
 * Which point in time the page shows, and how it gets there: by the slider, step by step, by itself, or by the address. A
 * picture is shown at once, of what is loaded; the exact one follows when its block is.
 */

import { batch, computed, signal } from '@preact/signals';
import { systemClock } from '../../clock.ts';
import type { LogEvent } from '../../events/schema/event.ts';
import { emptyDensity, followDensity } from '../source/density.ts';
import { loadFacts, loadNeighbour } from '../source/facts.ts';
import { loadView } from '../source/live-view.ts';
import { createPastViews, pastDefaults } from '../source/past-views.ts';
import { type Density, lastNotAfter, positionNear } from '../source/time-line.ts';
import { live, shown, showPast } from './store.ts';

/** Where the page is. `position`: of the last fact folded. */
export type Point = { position: number; timeMs: number };

export type Direction = 'forward' | 'backward';

export const density = signal<Density>(emptyDensity);
/** null: live. */
export const point = signal<Point | null>(null);
/** The picture is of a position before the one asked for: that is being loaded. */
export const isNear = signal(false);
/** Times as fast as it happened; 0: it stands. */
export const speed = signal(0);

export const range = computed(() => {
  const { at, cluster } = live.value.view;
  // The history begins with the cluster, also before the strip is there.
  const fromMs = Date.parse(density.value.buckets[0]?.at ?? cluster?.createdAt ?? at);
  const lastMs = Date.parse(at);
  return { fromMs, toMs: Math.max(lastMs, fromMs + 1_000) };
});

const past = createPastViews({ loadView, loadFacts });
const headOf = () => Math.max(live.value.view.position, density.value.head);
const { blockSize } = pastDefaults;
const factsShown = 500;

export function startTravel(): void {
  followDensity((counted) => {
    density.value = counted;
  });
  const at = Number(new URLSearchParams(location.search).get('at'));
  if (Number.isSafeInteger(at) && at > 0) void goToPosition(at);
  void loadAhead();
}

export function goLive(): void {
  speed.value = 0;
  batch(() => {
    point.value = null;
    isNear.value = false;
    showPast(null);
  });
  keepAddress();
}

/** As the slider has it. Shows a picture before it returns, when there is any. */
export function goToTime(timeMs: number): void {
  const near = positionNear(density.value, timeMs);
  show(factAt(near, timeMs), timeMs);
  if (!past.isLoaded(near)) wantBlock(near);
}

let wanted: number | null = null;
let isLoading = false;

/** One at a time, and of those that a slider passes meanwhile the last alone. */
function wantBlock(position: number): void {
  wanted = position;
  if (isLoading) return;
  isLoading = true;
  void loadWanted().finally(() => {
    isLoading = false;
  });
}

async function loadWanted(): Promise<void> {
  while (wanted !== null) {
    const position = wanted;
    wanted = null;
    await past.load(position, headOf()).catch(ignore);
    const { value } = point;
    if (value !== null && isNear.value)
      show(factAt(positionNear(density.value, value.timeMs), value.timeMs), value.timeMs);
  }
}

/** As a link has it. */
export async function goToPosition(position: number): Promise<void> {
  speed.value = 0;
  const head = Math.max(headOf(), position);
  await past.load(position, head).catch(ignore);
  const fact = past.factsAround(position)?.findLast((event) => event.position <= position);
  show(position, fact ? Date.parse(fact.at) : Date.parse(shown.value.view.at));
}

/** To the fact before or after what is shown. */
export async function step(direction: Direction): Promise<void> {
  speed.value = 0;
  const fact = await findNeighbour(point.value?.position ?? live.value.view.factPosition, direction);
  if (fact === null) return direction === 'forward' ? goLive() : undefined;
  await past.load(fact.position, headOf()).catch(ignore);
  show(fact.position, Date.parse(fact.at));
}

const findNeighbour = async (from: number, direction: Direction): Promise<LogEvent | null> =>
  neighbour(from, direction) ?? (await loadNeighbour(from, direction).catch(() => null));

/** Of the nearest fact that happened before or after a time; null: there is none. */
export async function timeBeside(timeMs: number, direction: Direction): Promise<number | null> {
  const near = positionNear(density.value, timeMs);
  await past.load(near, headOf()).catch(ignore);
  for (let from = factAt(near, timeMs); ; ) {
    const fact = await findNeighbour(from, direction);
    if (fact === null) return null;
    const foundMs = Date.parse(fact.at);
    if (direction === 'forward' ? foundMs > timeMs : foundMs < timeMs) return foundMs;
    from = fact.position;
  }
}

let frame = 0;

/** From what is shown on, or from the beginning when that is now. */
export function play(times: number): void {
  cancelAnimationFrame(frame);
  speed.value = times;
  if (times === 0) return;
  if (point.value === null) goToTime(range.value.fromMs);
  let lastMs = systemClock.monotonicMs();
  const next = () => {
    if (speed.value !== times || point.value === null) return;
    const nowMs = systemClock.monotonicMs();
    const timeMs = point.value.timeMs + (nowMs - lastMs) * times;
    lastMs = nowMs;
    if (timeMs >= range.value.toMs) return goLive();
    goToTime(timeMs);
    frame = requestAnimationFrame(next);
  };
  frame = requestAnimationFrame(next);
}

function show(position: number, timeMs: number): void {
  const found = past.nearest(position);
  batch(() => {
    point.value = { position, timeMs };
    isNear.value = found?.position !== position;
    if (found) showPast({ view: found.view, events: past.factsUpTo(found.position).slice(-factsShown) });
  });
  keepAddress();
}

/** The position that a time means, as exactly as is loaded. */
function factAt(near: number, timeMs: number): number {
  const facts = past.factsAround(near);
  if (facts === null) return near;
  const fact = lastNotAfter(facts, timeMs);
  // All of this block is later: the block begins with what there was before.
  return fact?.position ?? Math.floor(Math.max(0, near - 1) / blockSize) * blockSize;
}

function neighbour(from: number, direction: Direction): LogEvent | null {
  const facts = past.factsAround(from);
  if (facts === null) return null;
  if (direction === 'forward') return facts.find(({ position }) => position > from) ?? null;
  return facts.findLast(({ position }) => position < from) ?? null;
}

/** So many blocks, evenly over the history, are loaded beforehand: there is a picture wherever the slider goes. */
const blocksAhead = 24;
/** Larger views are loaded when they are asked for. */
const containersAheadMax = 2_000;
const restMs = 1_500;

async function loadAhead(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, restMs));
  const head = headOf();
  const blocks = Math.ceil(head / blockSize);
  const stride = Math.max(1, Math.ceil(blocks / blocksAhead));
  for (let block = 0; block < blocks; block += stride) {
    if (live.value.view.containers.size > containersAheadMax) return;
    await past.load(block * blockSize + 1, head).catch(ignore);
  }
}

/** Browsers refuse addresses that change too often. */
const addressMs = 300;
let addressTimer: ReturnType<typeof setTimeout> | undefined;

function keepAddress(): void {
  clearTimeout(addressTimer);
  addressTimer = setTimeout(() => {
    const url = new URL(location.href);
    if (point.value === null) url.searchParams.delete('at');
    else url.searchParams.set('at', String(point.value.position));
    history.replaceState(null, '', url);
  }, addressMs);
}

/** What could not be loaded is asked for again by the next step; the connection says that it is away. */
function ignore(): void {}
