/** How far each replica of a service is, a line each: queued, pulling 43 %, starting, healthy. Pure. */

import type { ShownContainerRow } from '../../projections/rows/container-row.ts';
import type { ServiceRow } from '../../projections/rows/service-row.ts';
import { type Mark, markOf } from '../../projections/rows/state-marks.ts';
import { printable } from './table.ts';

export type ReplicaLine = {
  /** `web.1` */
  slot: string;
  node: string;
  phase: string;
  mark: Mark;
  /** What runs there beside it, until it serves; null: nothing. */
  beside: string | null;
};

/** By slot; of each the newest container. @param containers in the order in which they were queued */
export function replicaLines(containers: readonly ShownContainerRow[]): ReplicaLine[] {
  const slots = Map.groupBy(containers, ({ service, slot }) => `${service}.${slot}`);
  return [...slots].map(([slot, inSlot]) => {
    const newest = inSlot.at(-1)!;
    const others = inSlot.slice(0, -1).map((other) => `${other.container} ${phaseOf(other)}`);
    return {
      slot,
      node: newest.node,
      phase: phaseOf(newest),
      mark: markOfRow(newest),
      beside: others.length > 0 ? others.join(', ') : null,
    };
  });
}

/** As on the page. */
export const markOfRow = ({ state, health, unknownSince }: ShownContainerRow): Mark =>
  markOf({ state, health: health ?? 'unproven', isChecked: health !== null }, unknownSince !== null);

/** In the words of an operator who waits for it. */
export function phaseOf(container: ShownContainerRow): string {
  const { state, pull, health, unknownSince } = container;
  if (unknownSince !== null) return `unknown, was ${state}`;
  if (state === 'in queue') return 'queued';
  if (state === 'starting' && pull && pull.totalBytes > 0 && pull.currentBytes < pull.totalBytes) {
    return `pulling ${Math.floor((100 * pull.currentBytes) / pull.totalBytes)} %`;
  }
  if (state !== 'running' || health === null) return state;
  return health === 'unproven' ? 'running, not healthy yet' : health;
}

/** `web  2 of 3 running, generation 4: progressing: 1 starting on worker-2` */
export function describeService(row: ServiceRow): string {
  const { serviceName, mode, running, replicas, generation, status, reason } = row;
  const why = reason === null ? '' : `: ${reason}`;
  const count = mode === 'job' ? '' : `${running} of ${replicas} running, `;
  return printable(`${serviceName}  ${count}generation ${generation}: ${status}${why}`);
}

/**
 * For a terminal: the service, then its replicas; those that are not done come first when not all fit.
 * @param linesMax at least 2
 */
export function serviceBlock(row: ServiceRow, containers: readonly ShownContainerRow[], linesMax: number): string[] {
  const lines = replicaLines(containers);
  const fitting = linesMax - 1;
  const shown = lines.length <= fitting ? lines : lines.toSorted(byProgress).slice(0, fitting - 1);
  const width = Math.max(0, ...shown.map(({ slot }) => slot.length));
  const nodeWidth = Math.max(0, ...shown.map(({ node }) => node.length));
  const rest = lines.length - shown.length;
  return [
    describeService(row),
    ...shown.map(({ slot, node, phase, mark, beside }) => {
      const other = beside === null ? '' : `  (${beside})`;
      return printable(`  ${slot.padEnd(width)}  ${node.padEnd(nodeWidth)}  ${mark.shape} ${phase}${other}`);
    }),
    ...(rest > 0 ? [`  and ${rest} more`] : []),
  ];
}

const isDone = ({ phase }: ReplicaLine) => phase === 'running' || phase === 'healthy';
const byProgress = (a: ReplicaLine, b: ReplicaLine) => Number(isDone(a)) - Number(isDone(b));
