/** The answer to a what-if as tables for people. Pure. */

import { formatCount, formatDuration, formatNames, formatPointInTime } from '../../history/sentences/format-values.ts';
import type { ServiceOutcome, Standing } from '../../history/what-if/outcome.ts';
import type { TimelineEntry } from '../../history/what-if/timeline.ts';
import type { WhatIfAnswer } from '../../history/what-if/what-if.ts';
import { type Column, formatTable, type Look, printable } from './table.ts';

/** What one looks through before it scrolls away; `--json` has the rest. */
const timelineRowsMax = 100;
/** A cell names so many nodes, the rest is counted. */
const nodesNamedMax = 4;

const timelineColumns: Column<TimelineEntry>[] = [
  { title: 'AFTER', cell: ({ afterMs }) => `${(afterMs / 1_000).toFixed(3)} s` },
  { title: 'WHAT', cell: ({ what }) => what },
  { title: 'WHY', cell: ({ why }) => why },
];

const serviceColumns: Column<ServiceOutcome>[] = [
  { title: 'SERVICE', cell: ({ service }) => service },
  { title: 'BEFORE', cell: ({ before }) => describeRunning(before) },
  { title: 'AFTER', cell: ({ after }) => describeRunning(after) },
  { title: 'MOVED', cell: ({ moved }) => moved },
  { title: 'PLACED', cell: ({ placed }) => placed },
  { title: 'STOPPED', cell: ({ stopped }) => stopped },
  { title: 'NODES BEFORE', cell: ({ before }) => formatNodes(before) },
  { title: 'NODES AFTER', cell: ({ after }) => formatNodes(after) },
];

/** @param look of the tables, as in `formatTable` */
export function whatIfTables(answer: WhatIfAnswer, look?: Look): string[] {
  const { position, at, timeline, timelineLeftOut, services, assumptions, verdict } = answer;
  const touched = services.filter(({ isUntouched }) => !isUntouched);
  const untouched = services.filter(({ isUntouched }) => isUntouched).map(({ service }) => service);
  const rest = timeline.length + timelineLeftOut - timelineRowsMax;
  return [
    `from position ${position}, ${formatPointInTime(at)}; nothing is changed`,
    '',
    ...formatTable(timelineColumns, timeline.slice(0, timelineRowsMax), look),
    ...(rest > 0 ? [`and ${formatCount(rest, 'line')} more`] : []),
    ...(touched.length > 0 ? ['', ...formatTable(serviceColumns, touched, look)] : []),
    ...(untouched.length > 0 ? [printable(`untouched: ${formatNames(untouched)}`)] : []),
    ...services.flatMap(describeBlocked),
    '',
    ...assumptions.map((sentence) => printable(`supposed: ${sentence}`)),
    '',
    printable(verdict.sentence),
  ];
}

const describeRunning = (standing: Standing | null) =>
  standing === null ? 'removed' : `${standing.running}/${standing.replicas} ${standing.status}`;

function formatNodes(standing: Standing | null): string | null {
  if (standing === null || standing.nodes.length === 0) return null;
  const names = standing.nodes.map(({ node, containers }) => (containers === 1 ? node : `${node} ×${containers}`));
  return formatNames(names.slice(0, nodesNamedMax), names.length);
}

function describeBlocked({ service, blockedAfterMs, after }: ServiceOutcome): string[] {
  if (blockedAfterMs === null || after === null) return [];
  const when = blockedAfterMs === 0 ? 'from the beginning' : `after ${formatDuration(blockedAfterMs)}`;
  return [printable(`blocked ${when}: ${service}: ${after.reason ?? ''}`)];
}
