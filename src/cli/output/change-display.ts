/** Shows how a change goes: on a terminal a block that is written over, elsewhere a line for each step. */

import type { ShownContainerRow } from '../../projections/rows/container-row.ts';
import type { ServiceRow } from '../../projections/rows/service-row.ts';
import type { CliContext } from './context.ts';
import { describeService, replicaLines, serviceBlock } from './replica-lines.ts';
import { printable } from './table.ts';

/** A service while it is waited for. */
type Look = { target: { service: string }; row: ServiceRow | null; containers: readonly ShownContainerRow[] };

/** Of a service with more, the log of a build shows the service only. */
const replicasInLinesMax = 20;

export function createChangeDisplay(context: CliContext): (looks: readonly Look[]) => void {
  const live = context.liveLines();
  if (live !== null) return (looks) => live.update(blockOf(looks, live.linesMax));
  const shown = new Map<string, string>();
  return (looks) => {
    for (const [key, line] of looks.flatMap(stepsOf)) {
      if (shown.get(key) === line) continue;
      shown.set(key, line);
      context.printError(line);
    }
  };
}

/** The lines are shared out evenly: each service has at least the one of its own. Pure. */
export function blockOf(looks: readonly Look[], linesMax: number): string[] {
  const each = Math.max(1, Math.floor(linesMax / Math.max(1, looks.length)));
  return looks
    .flatMap(({ target, row, containers }) => {
      if (row === null) return [`${target.service}  is gone`];
      return each === 1 ? [describeService(row)] : serviceBlock(row, containers, each);
    })
    .slice(0, linesMax);
}

/** By what they are about; the share of a pull is no step. Pure. */
function stepsOf({ row, containers }: Look): [key: string, line: string][] {
  if (row === null) return [];
  if (containers.length > replicasInLinesMax) return [[row.serviceName, describeService(row)]];
  return replicaLines(containers).map(({ slot, node, phase }) => [
    slot,
    printable(`${slot} on ${node}: ${phase.replace(/^pulling.*/, 'pulling')}`),
  ]);
}
