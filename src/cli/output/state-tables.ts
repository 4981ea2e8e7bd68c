/** The state of a cluster as tables for people, the live one or one of the past. Pure. */

import type { StateBody } from '../../projections/rows/state-bodies.ts';
import { containerColumns, nodeColumns, type Shown, serviceColumns } from './list-columns.ts';
import { formatTable, printable } from './table.ts';
import { wrapText } from './wrap.ts';

export type ShownTables = Shown & { containers?: boolean; widthMax?: number | null };

/** @param shown.containers also the table of containers. Default false */
export function stateTables(body: StateBody, { containers = false, widthMax = null, ...shown }: ShownTables): string[] {
  const name = body.cluster === null ? 'no cluster yet' : `cluster ${body.cluster.name}`;
  const leader = body.leader === null ? 'no manager led' : `led by ${body.leader.controllerId}`;
  return [
    ...[
      `${name} at position ${body.position}, ${body.at}, ${leader}`,
      ...body.alarms.map(({ alarm, subject, message }) => `ALARM ${alarm} (${subject}): ${message}`),
    ].map((line) => wrapText(printable(line), widthMax)),
    '',
    ...formatTable(serviceColumns(shown), body.services, widthMax),
    '',
    ...formatTable(nodeColumns(shown), body.nodes, widthMax),
    ...(containers ? ['', ...formatTable(containerColumns(shown), body.containers, widthMax)] : []),
  ];
}
