/** A block of the history: the view it begins with and the facts in it, folded to any position within. Pure but for the block. */

import type { LogEvent } from '../../events/schema/event.ts';
import { type Branch, branchView } from '../../projections/view/branch-view.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';

type Keyframe = { position: number; view: ClusterView };

export type Block = {
  /** The position before its first. */
  from: number;
  /** Facts are loaded up to here. */
  through: number;
  facts: LogEvent[];
  /** By position; the first is where the block begins. None is folded on: branches of it are. */
  keyframes: Keyframe[];
  /** The first came from the manager; else it is a branch, too. */
  isWhole: boolean;
  /** It was looked at, and has keyframes, or gets them. */
  isVisited: boolean;
};

export type BlockFolder = {
  /** The view as of a position of the block. Changed by the next call. */
  fold(block: Block, position: number): ClusterView;
  /** As of its last fact. Stays as it is. */
  foldToEnd(block: Block): ClusterView;
  /** Behind the last keyframe, so that each position of the block is near one. Ends early when the block is not kept any more. */
  addKeyframes(block: Block, until: { pause(): Promise<void>; isKept(): boolean }): Promise<void>;
};

export function createBlockFolder(factsPerKeyframe: number): BlockFolder {
  /** What was folded last: the next position is mostly a few facts further on. */
  let cursor: { block: Block; branch: Branch } | null = null;

  return {
    fold(block, position) {
      const keyframe = block.keyframes.findLast((frame) => frame.position <= position)!;
      const reached = cursor?.block === block ? cursor.branch.view.position : -1;
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
      cursor = { block, branch };
      return branch.view;
    },
    foldToEnd({ facts, keyframes }) {
      const branch = branchView(keyframes.at(-1)!.view);
      for (const event of facts.slice(indexAfter(facts, branch.view.position))) branch.fold(event);
      return branch.view;
    },
    async addKeyframes(block, { pause, isKept }) {
      for (;;) {
        await pause();
        const { view } = block.keyframes.at(-1)!;
        const first = indexAfter(block.facts, view.position);
        const facts = block.facts.slice(first, first + factsPerKeyframe);
        if (facts.length < factsPerKeyframe || !isKept()) return;
        const branch = branchView(view);
        for (const event of facts) branch.fold(event);
        keep(block, branch.view);
      }
    },
  };
}

/** @returns whether it is kept now, and no longer to be folded on */
function keep(block: Block, view: ClusterView): boolean {
  if (view.position <= block.keyframes.at(-1)!.position) return false;
  block.keyframes.push({ position: view.position, view });
  return true;
}

/** A view that is a branch of another one takes this part of its memory. */
const branchPart = 1 / 24;

/** What its views take of the memory, in containers. */
export function weightOf({ keyframes, isWhole }: Block): number {
  let weight = isWhole ? keyframes[0]!.view.containers.size : 0;
  for (const { view } of keyframes) weight += view.containers.size * branchPart;
  return weight;
}

/** Of the first fact behind a position. */
export function indexAfter(facts: readonly LogEvent[], position: number): number {
  let low = 0;
  let high = facts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (facts[middle]!.position <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}
