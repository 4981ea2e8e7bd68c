/**
 * Views of the past in the browser: the history in blocks, of each the view it begins with (the manager's) and the facts in it,
 * and any position within by the fold. A bounded number of blocks is kept. Loads through what it is given.
 */

import type { LogEvent } from '../../events/schema/event.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { evolve } from '../../projections/view/evolve.ts';
import { nothingTouched } from '../../projections/view/touched.ts';
import { cloneView } from './clone-view.ts';

export type PastDeps = {
  /** The view as of a position. */
  loadView(position: number): Promise<ClusterView>;
  /** All facts from `after` (exclusive) to `to` (inclusive), in order. */
  loadFacts(after: number, to: number): Promise<LogEvent[]>;
};

export type PastView = {
  /** Changed by the next question: read it at once. */
  view: ClusterView;
  /** What was asked for; less while its block is loaded. */
  position: number;
};

export type PastViews = {
  /** At once, of what is loaded: the position itself, or the nearest one before it. null: nothing before it is loaded. */
  nearest(position: number): PastView | null;
  /** Loads the block of a position. @param head nothing is behind it yet */
  load(position: number, head: number): Promise<void>;
  isLoaded(position: number): boolean;
  /** Facts up to a position, of its block and the one before, as far as they are loaded; the oldest first. */
  factsUpTo(position: number): readonly LogEvent[];
  /** The facts of the block of a position; null while they are not loaded. */
  factsAround(position: number): readonly LogEvent[] | null;
};

export type PastOptions = {
  /** Positions, telemetry included. */
  blockSize: number;
  /** A fold that goes back begins at the nearest view kept, one in so many facts. */
  factsPerKeyframe: number;
};

/** A whole block is folded in some hundredths of a second. */
export const pastDefaults: PastOptions = { blockSize: 4_096, factsPerKeyframe: 512 };
const blocksMax = 96;
/** In all kept views together: about 200 MB. */
const containersMax = 200_000;
/** Of larger views only the block that is looked at keeps some in its middle. */
const smallContainers = 2_000;

type Keyframe = { position: number; view: ClusterView };

type Block = {
  /** The position before its first. */
  from: number;
  /** Facts are loaded up to here. */
  through: number;
  facts: LogEvent[];
  /** By position; the first is where the block begins. */
  keyframes: Keyframe[];
};

export function createPastViews(
  { loadView, loadFacts }: PastDeps,
  { blockSize, factsPerKeyframe }: PastOptions = pastDefaults,
): PastViews {
  const startOf = (position: number): number => Math.floor(Math.max(0, position - 1) / blockSize) * blockSize;
  const blocks = new Map<number, Block>();
  const loading = new Map<number, Promise<void>>();
  const touched = nothingTouched();
  /** The view that was folded last: the next position is mostly a few facts further on. */
  let cursor: { from: number; view: ClusterView } | null = null;

  const fold = (block: Block, position: number): ClusterView => {
    const keyframe = block.keyframes.findLast((frame) => frame.position <= position)!;
    const isAhead = cursor?.from === block.from && cursor.view.position <= position;
    if (cursor && cursor.from !== block.from) dropMiddle(blocks.get(cursor.from));
    if (!cursor || !isAhead || cursor.view.position < keyframe.position) {
      cursor = { from: block.from, view: cloneView(keyframe.view) };
    }
    const { view } = cursor;
    for (let index = indexAfter(block.facts, view.position); index < block.facts.length; index += 1) {
      const event = block.facts[index]!;
      if (event.position > position) break;
      evolve(view, event, touched);
      if (index % factsPerKeyframe === factsPerKeyframe - 1) keep(block, view);
    }
    return view;
  };

  const extend = async (block: Block, to: number): Promise<void> => {
    if (to <= block.through) return;
    block.facts.push(...(await loadFacts(block.through, to)));
    block.through = to;
  };

  const loadBlock = async (from: number, to: number): Promise<void> => {
    const known = blocks.get(from);
    if (known) return extend(known, to);
    const [view, facts] = await Promise.all([loadView(from), loadFacts(from, to)]);
    blocks.set(from, { from, through: to, facts, keyframes: [{ position: from, view }] });
    forgetOldest(blocks);
  };

  return {
    nearest(position) {
      const wanted = startOf(position);
      const from = blocks.has(wanted) ? wanted : lastBefore(blocks.keys(), wanted);
      const block = from === null ? undefined : blocks.get(from);
      if (!block) return null;
      blocks.delete(block.from);
      blocks.set(block.from, block);
      const end = Math.min(position, block.through);
      return { view: fold(block, end), position: end };
    },
    async load(position, head) {
      const from = startOf(position);
      const to = Math.min(from + blockSize, head);
      const known = loading.get(from);
      if (known) {
        await known;
        if (to <= (blocks.get(from)?.through ?? to)) return;
      }
      const started = loadBlock(from, to).finally(() => loading.delete(from));
      loading.set(from, started);
      await started;
    },
    isLoaded: (position) => position <= (blocks.get(startOf(position))?.through ?? -1),
    factsUpTo(position) {
      const from = startOf(position);
      const before = blocks.get(from - blockSize)?.facts ?? [];
      const facts = blocks.get(from)?.facts ?? [];
      return [...before, ...facts.slice(0, indexAfter(facts, position))];
    },
    factsAround: (position) => blocks.get(startOf(position))?.facts ?? null,
  };
}

function keep(block: Block, view: ClusterView): void {
  const last = block.keyframes.at(-1)!;
  if (view.position > last.position) block.keyframes.push({ position: view.position, view: cloneView(view) });
}

function dropMiddle(block: Block | undefined): void {
  if (block && block.keyframes[0]!.view.containers.size > smallContainers) block.keyframes.length = 1;
}

/** Of the first fact behind a position. */
function indexAfter(facts: readonly LogEvent[], position: number): number {
  let low = 0;
  let high = facts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (facts[middle]!.position <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}

function lastBefore(starts: Iterable<number>, wanted: number): number | null {
  let found: number | null = null;
  for (const start of starts) if (start < wanted && (found === null || start > found)) found = start;
  return found;
}

/** The one that was asked for longest ago, never the last. */
function forgetOldest(blocks: Map<number, Block>): void {
  let containers = 0;
  for (const { keyframes } of blocks.values()) {
    for (const { view } of keyframes) containers += view.containers.size;
  }
  for (const [from, { keyframes }] of blocks) {
    if (blocks.size <= 1 || (blocks.size <= blocksMax && containers <= containersMax)) return;
    for (const { view } of keyframes) containers -= view.containers.size;
    blocks.delete(from);
  }
}
