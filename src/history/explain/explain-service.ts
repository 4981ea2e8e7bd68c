/**
 * Answers "why is this service as it is": what was requested, what keeps it from it, what moved last. Its status
 * comes from a view, why from the log; of a removed service the log alone knows.
 */

import { AppError } from '../../errors.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import { type LogEvent, streams } from '../../events/schema/event.ts';
import { type ServiceRow, serviceRow } from '../../projections/rows/service-row.ts';
import type { AlarmView, ClusterView, ContainerView, ServiceView } from '../../projections/view/cluster-view.ts';
import { sentenceOf } from '../sentences/event-sentences.ts';
import { formatCount, formatDuration, formatPointInTime } from '../sentences/format-values.ts';
import { causePositionOf, findSpecChange, isEnd } from './cause.ts';
import { type Chain, traceChain } from './cause-chain.ts';
import { createLogLookup, type LogLookup } from './log-lookup.ts';

export type WhyService = Chain & {
  /** The view and the log were read up to here. */
  position: number;
  at: string;
  subject: {
    kind: 'service';
    service: string;
    status: ServiceRow['status'] | 'removed';
    replicas: number;
    running: number;
    generation: number;
  };
  /** One sentence. */
  answer: string;
  /** Alarms that were active: what they hold back is not moved. */
  notes: string[];
};

/** Containers of a service whose causes are traced: more fail or move for the same reasons. */
const containersMax = 3;

/**
 * @param view as of now or of any position; it is read before the first wait, so that it may be a live one
 * @throws AppError `service_not_found` · `log_unavailable` · the signal's reason
 */
export async function explainService(
  log: Pick<EventLog, 'read'>,
  view: ClusterView,
  name: string,
  signal?: AbortSignal,
): Promise<WhyService> {
  const { position, at } = view;
  const service = view.services.get(name);
  const lookup = createLogLookup(log, { end: position, signal });
  if (!service) return { position, at, ...(await explainRemoved(lookup, name)) };
  const row = serviceRow(view, service);
  const { status, replicas, running, generation } = row;
  const specPosition = service.specEvent.position;
  const findSeeds = planSeeds(view, service, row);
  const notes = [...view.alarms.values()].map(describeAlarm);
  const change = await lookup.at(specPosition);
  const seeds = await findSeeds(lookup);
  return {
    position,
    at,
    subject: { kind: 'service', service: name, status, replicas, running, generation },
    answer: describeService(row, change),
    notes,
    ...(await traceChain(lookup, change ? [change, ...seeds] : seeds, { passed: containersMax })),
  };
}

function describeService(
  { serviceName, mode, status, reason, running, replicas }: ServiceRow,
  change: LogEvent | null,
): string {
  const asked = change ? `; ${sentenceOf(change)} at ${formatPointInTime(change.at)}` : '';
  if (reason !== null) return `${serviceName} is ${status}: ${reason}${asked}`;
  if (status === 'completed') return `${serviceName} is completed: its last run ended well${asked}`;
  if (mode === 'job') return `${serviceName} is converged: no run of it was due yet${asked}`;
  const runs = running === 1 ? 'runs' : 'run';
  return `${serviceName} is converged: ${running} of ${formatCount(replicas, 'replica')} ${runs}${asked}`;
}

const describeAlarm = ({ alarm, message, since }: AlarmView) =>
  `the alarm "${alarm}" is active since ${formatPointInTime(since)}: ${message}`;

/** Takes from the view at once what the log is asked for later. */
function planSeeds(view: ClusterView, service: ServiceView, { status }: ServiceRow) {
  const { name } = service;
  const slots = [...service.slots.values()];
  const failing = slots
    .flatMap(({ lastFailure, delayedUntilMs }) =>
      lastFailure ? [{ ...lastFailure, isDelayed: delayedUntilMs !== null }] : [],
    )
    .sort((a, b) => (a.at < b.at ? 1 : -1))
    .slice(0, containersMax);
  const live = slots.flatMap(({ containers }) => [...containers].map((id) => view.containers.get(id)!));
  const moving = live
    .filter(({ state }) => state !== 'running')
    .sort(byLatest)
    .slice(0, containersMax);
  // What was placed after the request itself had its own reason: a loss, a drain, an end.
  const replaced = live
    .filter(({ id }) => causePositionOf(id) > service.specEvent.position)
    .sort(byLatest)
    .slice(0, 1);
  const latest = [...new Set([...moving, ...replaced].map(({ latest: { position } }) => position))];
  const isBlocked = service.blocked !== null;
  const isPaused = status === 'paused';
  const isUnstable = service.unstable !== null;
  const hasRuns = service.job !== null;

  return async (lookup: LogLookup): Promise<LogEvent[]> => {
    const found: (LogEvent | null | undefined)[] = await Promise.all(latest.map((position) => lookup.at(position)));
    if (isBlocked) found.push(await lastOnStream(lookup, name, 'PlacementBlocked'));
    if (isPaused) found.push(await lastOnStream(lookup, name, 'RolloutPaused', 'RolloutFailed'));
    if (isUnstable) found.push(await lastOnStream(lookup, name, 'ServiceUnstable'));
    if (hasRuns) found.push(await lastOnStream(lookup, name, 'JobDue', 'JobSkipped', 'JobCompleted', 'JobFailed'));
    if (status === 'converged' || status === 'completed') return found.filter((event) => event != null);
    for (const { container, reason, isDelayed } of failing) {
      // An unhealthy one is replaced before it ends.
      const isFailure = reason === 'unhealthy' ? ({ type }: LogEvent) => type === 'ContainerUnhealthy' : isEnd;
      const end = (await lookup.ofContainer(container)).findLast(isFailure);
      found.push(end);
      if (end && isDelayed) found.push(await delayAfter(lookup, name, end));
    }
    return found.filter((event) => event != null);
  };
}

const byLatest = (a: ContainerView, b: ContainerView) => b.latest.position - a.latest.position;

async function lastOnStream(
  lookup: LogLookup,
  service: string,
  ...types: LogEvent['type'][]
): Promise<LogEvent | null> {
  const found = await lookup.before(lookup.end + 1, { streams: [streams.service(service)], types });
  return found[0] ?? null;
}

async function delayAfter(lookup: LogLookup, service: string, end: LogEvent): Promise<LogEvent | null> {
  const { container } = end.data as { container: string };
  const about = { streams: [streams.service(service)], types: ['RestartDelayed'] } as const;
  const delays = await lookup.after(end.position, about);
  return delays.find((event) => event.type === 'RestartDelayed' && event.data.container === container) ?? null;
}

async function explainRemoved(lookup: LogLookup, name: string): Promise<Omit<WhyService, 'position' | 'at'>> {
  const [removed] = await lookup.before(lookup.end + 1, {
    streams: [streams.service(name)],
    types: ['ServiceRemoved'],
  });
  if (!removed) throw new AppError('service_not_found', `no service was ever called ${name}`);
  const request = await findSpecChange(lookup, name, removed.position, removed.meta.causationId);
  const asked = request ? `, because ${sentenceOf(request)}${formatTook(request, removed)}` : '';
  return {
    subject: {
      kind: 'service',
      service: name,
      status: 'removed',
      replicas: 0,
      running: 0,
      generation: request?.data.generation ?? 0,
    },
    answer: `${name} was removed at ${formatPointInTime(removed.at)}${asked}`,
    notes: [],
    ...(await traceChain(lookup, [removed])),
  };
}

function formatTook(request: LogEvent, removed: LogEvent): string {
  const ms = Date.parse(removed.at) - Date.parse(request.at);
  return `, and its last container was gone ${ms === 0 ? 'already' : `${formatDuration(ms)} later`}`;
}
