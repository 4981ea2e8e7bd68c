/** The state of a cluster as tables for people, the live one or one of the past. Pure. */

import type { StateBody } from '../../projections/rows/state-bodies.ts';
import { type Column, formatTable, printable } from './table.ts';

type Row<K extends 'services' | 'nodes' | 'containers'> = StateBody[K][number];

const serviceColumns: Column<Row<'services'>>[] = [
  { title: 'SERVICE', cell: ({ serviceName }) => serviceName },
  { title: 'RUNNING', cell: ({ running, replicas }) => `${running}/${replicas}` },
  { title: 'STATUS', cell: ({ status }) => status },
  { title: 'RESTARTS', cell: formatRestarts },
  { title: 'GENERATION', cell: ({ generation }) => generation },
  { title: 'IMAGE', cell: ({ image }) => image },
  { title: 'REASON', cell: ({ reason }) => reason },
];

/** Of the last hour, and where most of them were. */
function formatRestarts({ restartsLastHour, worstSlot }: Row<'services'>): string {
  const isOfOne = worstSlot === null || worstSlot.restarts === restartsLastHour;
  return isOfOne ? `${restartsLastHour}` : `${restartsLastHour}, ${worstSlot.restarts} in slot ${worstSlot.slot}`;
}

const nodeColumns: Column<Row<'nodes'>>[] = [
  { title: 'NODE', cell: ({ node }) => node },
  { title: 'STATE', cell: ({ state }) => state },
  { title: 'AVAILABILITY', cell: ({ availability }) => availability },
  { title: 'CONTAINERS', cell: ({ containers }) => containers },
  { title: 'AGENT', cell: agentOf },
  { title: 'ENGINE', cell: ({ engine, engineVersion }) => `${engine} ${engineVersion}` },
  { title: 'SINCE', cell: ({ since }) => since },
  { title: 'REASON', cell: ({ reason }) => reason },
];

/** Where to look for it: its machine, and its process there. */
function agentOf({ hostname, instance }: Row<'nodes'>): string {
  return instance ? `${hostname}, process ${instance.pid}` : hostname;
}

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
