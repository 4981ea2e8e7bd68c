/**
 * Views of the past in the browser: the history in blocks, of each the view it begins with (the manager's) and the facts in it,
 * and any position within by the fold. A bounded number of blocks is kept. Loads through what it is given.
 */

import type { LogEvent } from '../../events/schema/event.ts';
import { type Branch, branchView } from '../../projections/view/branch-view.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';

export type PastDeps = {
  /** The view as of a position. */
  loadView(position: number): Promise<ClusterView>;
  /** All facts from `after` (exclusive) to `to` (inclusive), in order. */
  loadFacts(after: number, to: number): Promise<LogEvent[]>;
  /** Lets a picture be painted between two parts of a long fold. */
  pause(): Promise<void>;
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
  /** Its block can be folded on from what is loaded: its facts are all that is asked for. */
  isNext(position: number): boolean;
  /** The last facts up to a position, of its block and the one before, as far as they are loaded; the oldest first. */
  factsUpTo(position: number, factsMax: number): readonly LogEvent[];
  /** The facts of the block of a position; null while they are not loaded. */
  factsAround(position: number): readonly LogEvent[] | null;
};

export type PastOptions = {
  /** Positions, telemetry included. */
  blockSize: number;
  /** A fold that goes back begins at the nearest view kept, one in so many facts. */
  factsPerKeyframe: number;
};

/** A whole block is folded in some hundredths of a second, what is between two views kept in milliseconds. */
export const pastDefaults: PastOptions = { blockSize: 4_096, factsPerKeyframe: 512 };
const blocksMax = 96;
/** In all kept views together: about 200 MB. */
const containersMax = 200_000;
/** A view that is a branch of another one takes this part of its memory. */
const branchPart = 1 / 16;

type Keyframe = { position: number; view: ClusterView };

type Block = {
  /** The position before its first. */
  from: number;
  /** Facts are loaded up to here. */
  through: number;
  facts: LogEvent[];
  /** By position; the first is where the block begins. None is folded on: branches of it are. */
  keyframes: Keyframe[];
  /** The first came from the manager; else it is a branch, too. */
  isWhole: boolean;
};

export function createPastViews(
  { loadView, loadFacts, pause }: PastDeps,
  { blockSize, factsPerKeyframe }: PastOptions = pastDefaults,
): PastViews {
  const startOf = (position: number): number => Math.floor(Math.max(0, position - 1) / blockSize) * blockSize;
  const blocks = new Map<number, Block>();
  const loading = new Map<number, Promise<void>>();
  /** What was folded last: the next position is mostly a few facts further on. */
  let cursor: { from: number; branch: Branch } | null = null;

  const fold = (block: Block, position: number): ClusterView => {
    const keyframe = block.keyframes.findLast((frame) => frame.position <= position)!;
    const reached = cursor?.from === block.from ? cursor.branch.view.position : -1;
    const isOnWay = reached >= keyframe.position && reached <= position;
    let branch = isOnWay ? cursor!.branch : branchView(keyframe.view);
    for (let index = indexAfter(block.facts, branch.view.position); index < block.facts.length; index += 1) {
      const event = block.facts[index]!;
      if (event.position > position) break;
      branch.fold(event);
      if (index % factsPerKeyframe === factsPerKeyframe - 1 && keep(block, branch.view)) {
        branch = branchView(branch.view);
      }
    }
    cursor = { from: block.from, branch };
    return branch.view;
  };

  /** Behind the last keyframe, so that later each position of the block is near one. */
  const addKeyframes = async (block: Block): Promise<void> => {
    for (;;) {
      await pause();
      const { view } = block.keyframes.at(-1)!;
      const first = indexAfter(block.facts, view.position);
      const facts = block.facts.slice(first, first + factsPerKeyframe);
      if (facts.length < factsPerKeyframe || blocks.get(block.from) !== block) return;
      const branch = branchView(view);
      for (const event of facts) branch.fold(event);
      keep(block, branch.view);
    }
  };

  const extend = async (block: Block, to: number): Promise<void> => {
    if (to <= block.through) return;
    block.facts.push(...(await loadFacts(block.through, to)));
    block.through = to;
  };

  const blockBefore = (from: number): Block | null => {
    const before = blocks.get(from - blockSize);
    return before?.through === from ? before : null;
  };

  const loadBlock = async (from: number, to: number): Promise<void> => {
    const known = blocks.get(from);
    if (known) return extend(known, to);
    const before = blockBefore(from);
    const [loaded, facts] = await Promise.all([before ? null : loadView(from), loadFacts(from, to)]);
    const view = loaded ?? foldToEnd(before!);
    const block: Block = { from, through: to, facts, keyframes: [{ position: from, view }], isWhole: before === null };
    blocks.set(from, block);
    forgetOldest(blocks);
    void addKeyframes(block);
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
    isNext: (position) => blockBefore(startOf(position)) !== null,
    factsUpTo(position, factsMax) {
      const from = startOf(position);
      const before = blocks.get(from - blockSize)?.facts ?? [];
      const facts = blocks.get(from)?.facts ?? [];
      const end = indexAfter(facts, position);
      const own = facts.slice(Math.max(0, end - factsMax), end);
      return own.length < factsMax ? [...before.slice(own.length - factsMax), ...own] : own;
    },
    factsAround: (position) => blocks.get(startOf(position))?.facts ?? null,
  };
}

/** @returns whether it is kept now, and no longer to be folded on */
function keep(block: Block, view: ClusterView): boolean {
  if (view.position <= block.keyframes.at(-1)!.position) return false;
  block.keyframes.push({ position: view.position, view });
  return true;
}

function foldToEnd({ facts, keyframes }: Block): ClusterView {
  const branch = branchView(keyframes.at(-1)!.view);
  for (const event of facts.slice(indexAfter(facts, branch.view.position))) branch.fold(event);
  return branch.view;
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
  for (const block of blocks.values()) containers += weightOf(block);
  for (const [from, block] of blocks) {
    if (blocks.size <= 1 || (blocks.size <= blocksMax && containers <= containersMax)) return;
    containers -= weightOf(block);
    blocks.delete(from);
  }
}

/** In containers. */
function weightOf({ keyframes, isWhole }: Block): number {
  let weight = isWhole ? keyframes[0]!.view.containers.size : 0;
  for (const { view } of keyframes) weight += view.containers.size * branchPart;
  return weight;
}
