/** Waits until a node that is drained has no container left. */

import { systemClock } from '../../../clock.ts';
import { AppError } from '../../../errors.ts';
import { formatCount, formatDuration, formatNames } from '../../../history/sentences/format-values.ts';
import type { ContainerStateBody, NodeStateBody } from '../../../projections/rows/state-bodies.ts';
import { type CliContext, exitCodes } from '../../output/context.ts';
import { phaseOf } from '../../output/replica-lines.ts';
import { printable } from '../../output/table.ts';
import type { Api } from '../../sources/api.ts';
import { followFacts } from '../../sources/follow-facts.ts';

type Options = { timeoutMs: number; isQuiet: boolean; context: CliContext };

/** Of what is still there, so many are named. */
const namedMax = 4;

/** When the time is over, the exit code says so. @throws AppError `node_not_found` and what `get` throws */
export async function waitUntilEmpty(api: Api, node: string, { timeoutMs, isQuiet, context }: Options): Promise<void> {
  const endMs = systemClock.monotonicMs() + timeoutMs;
  const { position: after, nodes } = await api.get<NodeStateBody>(`/node_state?node=${node}`);
  if (nodes.length === 0) throw new AppError('node_not_found', `no node is called ${node}`);
  const show = createDisplay(node, context);
  const feed = followFacts(api, { after, about: { node }, signal: context.signal });
  try {
    for (;;) {
      const askedMs = systemClock.monotonicMs();
      const { position, containers } = await api.get<ContainerStateBody>(`/container_state?node=${node}`);
      show(containers);
      if (containers.length === 0) return isQuiet ? undefined : context.print(`${node} is empty`);
      if (askedMs >= endMs) return reportLeft(node, containers, timeoutMs, context);
      const dueMs = () => Math.min(endMs, feed.dueMs({ askedMs, position, isMoving: false }));
      while (systemClock.monotonicMs() < dueMs()) await feed.waitUntil(dueMs());
    }
  } finally {
    feed.close();
  }
}

type Containers = ContainerStateBody['containers'];

/** On a terminal a line a container; elsewhere how many are left, when it is another number. */
function createDisplay(node: string, context: CliContext): (containers: Containers) => void {
  const live = context.liveLines();
  let before = -1;
  return (containers) => {
    const title = `${node}: ${formatCount(containers.length, 'container')} left`;
    const lines = containers.map((container) => printable(`  ${container.container}  ${phaseOf(container)}`));
    if (live) live.update([title, ...lines].slice(0, live.linesMax));
    else if (containers.length !== before) context.printError(title);
    before = containers.length;
  };
}

function reportLeft(node: string, containers: Containers, timeoutMs: number, context: CliContext): void {
  const names = containers.slice(0, namedMax).map(({ container }) => container);
  const left = formatNames(names, containers.length);
  context.printError(`${node} is not empty within ${formatDuration(timeoutMs)}: ${left} still there`);
  context.exitWith(exitCodes.unconverged);
}
