/** The columns of services, nodes and containers: what an operator looks for first, and with `wide` the rest. Pure. */

import { formatBytes, formatCpus, formatDigest, formatTime } from '../../history/sentences/format-values.ts';
import type { ContainerStateBody, NodeStateBody, ServiceStateBody } from '../../projections/rows/state-bodies.ts';
import { nodeMarkOf, rolloutMarks, serviceMarks } from '../../projections/rows/state-marks.ts';
import { formatAge } from './age.ts';
import { markOfRow, phaseOf } from './replica-lines.ts';
import type { Column } from './table.ts';

type Service = ServiceStateBody['services'][number];
type Node = NodeStateBody['nodes'][number];
type Container = ContainerStateBody['containers'][number];

/** `nowMs`: what ages are counted to. */
export type Shown = { nowMs: number; isWide?: boolean };

/** An age for people; with `wide` the time itself. */
const sinceColumn = <T>(timeOf: (row: T) => string, { nowMs, isWide = false }: Shown): Column<T> =>
  isWide
    ? { title: 'SINCE', cell: (row) => formatTime(timeOf(row)) }
    : { title: 'AGE', cell: (row) => formatAge(timeOf(row), nowMs) };

const only = <T>(isWide: boolean | undefined, ...columns: Column<T>[]): Column<T>[] => (isWide ? columns : []);
const digestOf = (digest: string | null) => digest && formatDigest(digest);

export const serviceColumns = (shown: Shown): Column<Service>[] => [
  { title: 'SERVICE', cell: ({ serviceName }) => serviceName },
  { title: 'RUNNING', cell: ({ running, replicas }) => `${running}/${replicas}` },
  { title: 'STATUS', cell: ({ status }) => status, mark: ({ status }) => serviceMarks[status] },
  { title: 'RESTARTS', cell: formatRestarts },
  { title: 'GENERATION', cell: ({ generation }) => generation },
  sinceColumn(({ updatedAt }) => updatedAt, shown),
  ...only<Service>(
    shown.isWide,
    { title: 'MODE', cell: ({ mode }) => mode },
    {
      title: 'ROLLOUT',
      cell: ({ rollout }) => rollout?.state ?? null,
      mark: ({ rollout }) => rollout && rolloutMarks[rollout.state],
    },
    { title: 'DIGEST', cell: ({ imageDigest }) => digestOf(imageDigest) },
  ),
  { title: 'IMAGE', cell: ({ image }) => image },
  { title: 'REASON', cell: ({ reason }) => reason },
];

/** Of the last hour, and where most of them were. */
function formatRestarts({ restartsLastHour, worstSlot }: Service): string {
  const isOfOne = worstSlot === null || worstSlot.restarts === restartsLastHour;
  return isOfOne ? `${restartsLastHour}` : `${restartsLastHour}, ${worstSlot.restarts} in slot ${worstSlot.slot}`;
}

export const nodeColumns = (shown: Shown): Column<Node>[] => [
  { title: 'NODE', cell: ({ node }) => node },
  { title: 'STATE', cell: ({ state }) => state, mark: nodeMarkOf },
  { title: 'AVAILABILITY', cell: ({ availability }) => availability },
  { title: 'CONTAINERS', cell: ({ containers }) => containers },
  sinceColumn(({ since }) => since, shown),
  ...only<Node>(
    shown.isWide,
    { title: 'MEMORY', cell: ({ memoryBytes }) => formatBytes(memoryBytes) },
    { title: 'CPUS', cell: ({ cpuMillis }) => formatCpus(cpuMillis) },
    { title: 'HEARD', cell: ({ lastHeardAt }) => lastHeardAt && formatTime(lastHeardAt) },
    { title: 'LABELS', cell: ({ labels }) => labels.map(({ name, value }) => `${name}=${value}`).join(',') || null },
  ),
  { title: 'AGENT', cell: agentOf },
  { title: 'ENGINE', cell: ({ engine, engineVersion }) => `${engine} ${engineVersion}` },
  { title: 'REASON', cell: ({ reason, suspect }) => reason ?? (suspect && `suspect: ${suspect.message}`) },
];

/** Where to look for it: its machine, and its process there. */
function agentOf({ hostname, instance }: Node): string {
  return instance ? `${hostname}, process ${instance.pid}` : hostname;
}

export const containerColumns = (shown: Shown): Column<Container>[] => [
  { title: 'CONTAINER', cell: ({ container }) => container },
  { title: 'NODE', cell: ({ node }) => node },
  { title: 'STATE', cell: phaseOf, mark: markOfRow },
  sinceColumn(({ since }) => since, shown),
  { title: 'PORTS', cell: ({ ports }) => ports.map(formatPort).join(',') || null },
  ...only<Container>(
    shown.isWide,
    { title: 'GENERATION', cell: ({ generation }) => generation },
    { title: 'REPLACES', cell: ({ replaces }) => replaces },
    { title: 'EXIT', cell: ({ exitCode }) => exitCode },
    { title: 'DIGEST', cell: ({ imageDigest }) => digestOf(imageDigest) },
  ),
  { title: 'IMAGE', cell: ({ image }) => image },
  {
    title: 'REASON',
    cell: ({ reason, message }) => (reason === null ? null : [reason, message].filter(Boolean).join(': ')),
  },
];

/** `8080→80`, `5353→53/udp` */
const formatPort = ({ container, host, protocol }: Container['ports'][number]) =>
  `${host}→${container}${protocol === 'tcp' ? '' : `/${protocol}`}`;
