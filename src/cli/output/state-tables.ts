/** The state of a cluster as tables for people, the live one or one of the past. Pure. */

import type { StateBody } from '../../projections/rows/state-bodies.ts';
import { nodeColumns } from './node-table.ts';
import { type Column, formatTable, printable } from './table.ts';

type Row<K extends 'services' | 'containers'> = StateBody[K][number];

const serviceColumns: Column<Row<'services'>>[] = [
  { title: 'SERVICE', cell: ({ serviceName }) => serviceName },
  { title: 'RUNNING', cell: ({ running, replicas }) => `${running}/${replicas}` },
  { title: 'STATUS', cell: ({ status }) => status },
  { title: 'GENERATION', cell: ({ generation }) => generation },
  { title: 'IMAGE', cell: ({ image }) => image },
  { title: 'REASON', cell: ({ reason }) => reason },
];

const containerColumns: Column<Row<'containers'>>[] = [
  { title: 'CONTAINER', cell: ({ container }) => container },
  { title: 'NODE', cell: ({ node }) => node },
  { title: 'STATE', cell: ({ state, unknownSince }) => (unknownSince === null ? state : `unknown, was ${state}`) },
  { title: 'REASON', cell: ({ reason }) => reason },
  { title: 'IMAGE', cell: ({ image }) => image },
  { title: 'SINCE', cell: ({ since }) => since },
];

export type ShownTables = { containers?: boolean };

/** @param shown.containers also the table of containers. Default false */
export function stateTables(body: StateBody, { containers = false }: ShownTables = {}): string[] {
  const name = body.cluster === null ? 'no cluster yet' : `cluster ${body.cluster.name}`;
  const leader = body.leader === null ? 'no manager led' : `led by ${body.leader.controllerId}`;
  return [
    printable(`${name} at position ${body.position}, ${body.at}, ${leader}`),
    ...body.alarms.map(({ alarm, subject, message }) => printable(`ALARM ${alarm} (${subject}): ${message}`)),
    '',
    ...formatTable(serviceColumns, body.services),
    '',
    ...formatTable(nodeColumns, body.nodes),
    ...(containers ? ['', ...formatTable(containerColumns, body.containers)] : []),
  ];
}
