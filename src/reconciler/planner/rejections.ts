/** Which nodes a placement ruled out, by filter and reason: the explanation of a decision, and of a refusal. */

import { explanationNamesMax, type FilteredNodes } from '../../events/schema/catalog.ts';
import type { Rejection } from './placement-filters.ts';

export type Rejections = {
  /** The last one of a node replaces the one before. */
  note(node: string, rejection: Rejection): void;
  has(node: string): boolean;
  explain(): FilteredNodes;
};

export function createRejections(): Rejections {
  const entries = new Map<string, FilteredNodes[number]>();
  const keyOf = new Map<string, string>();
  return {
    note(node, { filter, reason }) {
      const key = `${filter} ${reason}`;
      const earlier = entries.get(keyOf.get(node) ?? '');
      if (earlier) {
        earlier.count -= 1;
        earlier.nodes = earlier.nodes.filter((named) => named !== node);
      }
      const entry = entries.get(key) ?? { filter, reason, count: 0, nodes: [] };
      entry.count += 1;
      if (entry.nodes.length < explanationNamesMax) entry.nodes.push(node);
      entries.set(key, entry);
      keyOf.set(node, key);
    },
    has: (node) => keyOf.has(node),
    explain: () =>
      [...entries.values()].filter(({ count }) => count > 0).map((entry) => ({ ...entry, nodes: [...entry.nodes] })),
  };
}
