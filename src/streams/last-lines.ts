/** What the log keeps of what a container printed that has ended, and whose engine has forgotten it. Pure. */

import type { LogOptions } from '../model/stream.ts';
import type { ClusterView, ContainerView } from '../projections/view/cluster-view.ts';
import type { LogPiece } from './log-piece.ts';

type Narrowed = Pick<LogOptions, 'tail' | 'since'>;

/** Says first that they are the last. The log does not distinguish stderr, and has the lines as of the end. Empty: it keeps none. */
export function lastLinesOf(
  { id: container, state, since: at, logTail }: ContainerView,
  options: Narrowed,
): LogPiece[] {
  const { tail, since } = options;
  if (logTail.length === 0) return [];
  const detail = `it is ${state}: these are its last lines, which the log keeps`;
  const isOlder = since !== null && at < since;
  const texts = isOlder || tail === 0 ? [] : logTail.slice(-(tail ?? logTail.length));
  return [
    { container, problem: { code: 'container_not_running', detail } },
    { container, lines: texts.map((text) => ({ at, output: 'stdout', text })) },
  ];
}

/** The newest of each slot of a service, none of whose containers runs. */
export function endedContainersOf(view: ClusterView, service: string): ContainerView[] {
  const ofSlot = new Map<number, ContainerView>();
  for (const container of view.containers.values()) {
    const known = ofSlot.get(container.slot);
    if (container.service !== service || container.queuedPosition < (known?.queuedPosition ?? 0)) continue;
    ofSlot.set(container.slot, container);
  }
  return [...ofSlot.values()].filter(({ logTail }) => logTail.length > 0).sort((a, b) => a.slot - b.slot);
}
