/**
 * Views of the past in the browser: the history in blocks, of each the view it begins with (the manager's) and the facts in it,
 * and any position within by the fold. A bounded number of blocks is kept. Loads through what it is given.
 */

import type { LogEvent } from '../../events/schema/event.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { type Block, createBlockFolder, indexAfter, weightOf } from './past-block.ts';

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

export function createPastViews(
  { loadView, loadFacts, pause }: PastDeps,
  { blockSize, factsPerKeyframe }: PastOptions = pastDefaults,
): PastViews {
  const startOf = (position: number): number => Math.floor(Math.max(0, position - 1) / blockSize) * blockSize;
  const blocks = new Map<number, Block>();
  const loading = new Map<number, Promise<void>>();
  const folder = createBlockFolder(factsPerKeyframe);

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
    const view = loaded ?? folder.foldToEnd(before!);
    const keyframes = [{ position: from, view }];
    blocks.set(from, { from, through: to, facts, keyframes, isWhole: before === null, isVisited: false });
    forgetOldest(blocks);
  };

  const visit = (block: Block): void => {
    blocks.delete(block.from);
    blocks.set(block.from, block);
    if (block.isVisited) return;
    block.isVisited = true;
    void folder.addKeyframes(block, { pause, isKept: () => blocks.get(block.from) === block });
  };

  return {
    nearest(position) {
      const wanted = startOf(position);
      const from = blocks.has(wanted) ? wanted : lastBefore(blocks.keys(), wanted);
      const block = from === null ? undefined : blocks.get(from);
      if (!block) return null;
      if (from === wanted) visit(block);
      const end = Math.min(position, block.through);
      return { view: folder.fold(block, end), position: end };
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
