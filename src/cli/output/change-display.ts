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
    for (const { about, state, line } of looks.flatMap(stepsOf)) {
      if (shown.get(about) === state) continue;
      shown.set(about, state);
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

/** `state`: what it is a step from and to; a line that says the same of it later is none. */
type Step = { about: string; state: string; line: string };

/** The share of a pull is no step. Pure. */
function stepsOf({ row, containers }: Look): Step[] {
  if (row === null) return [];
  const isTrouble = row.status === 'degraded' || row.status === 'blocked';
  const service: Step[] =
    isTrouble || containers.length > replicasInLinesMax || containers.length === 0
      ? [{ about: row.serviceName, state: row.status, line: describeService(row) }]
      : [];
  if (containers.length > replicasInLinesMax) return service;
  const replicas = replicaLines(containers).map(({ slot, node, phase }): Step => {
    const step = phase.replace(/^pulling.*/, 'pulling');
    return { about: slot, state: `${node} ${step}`, line: printable(`${slot} on ${node}: ${step}`) };
  });
  return [...replicas, ...service];
}
