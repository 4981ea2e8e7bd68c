/** Nodes as a table for people. Pure. */

import type { NodeStateBody } from '../../projections/rows/state-bodies.ts';
import type { Column } from './table.ts';

type Row = NodeStateBody['nodes'][number];

export const nodeColumns: readonly Column<Row>[] = [
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
function agentOf({ hostname, instance }: Row): string {
  return instance ? `${hostname}, process ${instance.pid}` : hostname;
}
