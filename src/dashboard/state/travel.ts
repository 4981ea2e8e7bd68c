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
import { pause } from '../source/pause.ts';
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

const past = createPastViews({ loadView, loadFacts, pause });
const headOf = () => Math.max(live.value.view.position, density.value.head);
const { blockSize } = pastDefaults;
const factsShown = 500;

export function startTravel(): void {
  followDensity((counted) => {
    density.value = counted;
    showAgain();
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
  goAgain = () => goToTime(timeMs);
  const near = positionNear(density.value, timeMs);
  show(factAt(near, timeMs), timeMs);
  if (!past.isLoaded(near)) wantBlock(near);
}

let wanted: number | null = null;
let isLoading = false;
let restTimer: ReturnType<typeof setTimeout> | undefined;

/** Views of more containers take longer to load and to parse than there is time between two pictures. */
const quickContainers = 2_000;
/** So long a slider has to rest on a block before such a view is asked for. */
const restMs = 80;
const retryMs = 2_000;

function wantBlock(position: number): void {
  const isQuick = past.isNext(position) || live.value.view.containers.size <= quickContainers;
  loadIn(isQuick ? 0 : restMs, position);
}

let waitingFor: number | null = null;

function loadIn(delayMs: number, position: number): void {
  const block = Math.ceil(position / blockSize);
  if (block === waitingFor) return;
  waitingFor = block;
  clearTimeout(restTimer);
  restTimer = setTimeout(() => {
    waitingFor = null;
    wanted = position;
    if (!isLoading) void loadWanted();
  }, delayMs);
}

/** One at a time, and of those that a slider passes meanwhile the last alone. */
async function loadWanted(): Promise<void> {
  isLoading = true;
  while (wanted !== null) {
    const position = wanted;
    wanted = null;
    const isLoaded = await past.load(position, headOf()).then(
      () => true,
      () => false,
    );
    if (isLoaded) showAgain();
    else if (isNear.value) loadIn(retryMs, position);
  }
  isLoading = false;
}

/** What the person went to last. */
let goAgain: () => void = () => {};

/** More of the history is known by now. */
function showAgain(): void {
  if (point.value !== null && isNear.value) goAgain();
}

/** As a link has it. */
export async function goToPosition(position: number): Promise<void> {
  speed.value = 0;
  goAgain = () => void goToPosition(position);
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
  await goToPosition(fact.position);
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
    if (found) showPast({ view: found.view, events: past.factsUpTo(found.position, factsShown) });
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
/** In their views, so that most of what may be kept is left for where the slider rests. */
const containersAhead = 60_000;
const settledMs = 1_500;

async function loadAhead(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, settledMs));
  const head = headOf();
  const blocks = Math.ceil(head / blockSize);
  const most = Math.max(1, Math.floor(containersAhead / Math.max(1, live.value.view.containers.size)));
  const stride = Math.max(1, Math.ceil(blocks / Math.min(blocksAhead, most)));
  for (let block = 0; block < blocks; block += stride) await past.load(block * blockSize + 1, head).catch(ignore);
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
