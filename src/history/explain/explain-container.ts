/**
 * Answers "why is this container as it is": why it was needed, why on its node, why it ended, what it replaced
 * and what replaced it. From the log alone, so also of containers that left every view long ago.
 */

import { AppError } from '../../errors.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import type { Candidates, FilteredNodes } from '../../events/schema/catalog.ts';
import type { LogEvent } from '../../events/schema/event.ts';
import { streams } from '../../events/schema/event.ts';
import type { ContainerState } from '../../model/container.ts';
import { describeChoice, describeFailure, sentenceOf } from '../sentences/event-sentences.ts';
import { formatDuration, formatPointInTime, formatTimeBeside, isByAgent } from '../sentences/format-values.ts';
import { type ContainerEnd, findCause, findNeed, isEnd } from './cause.ts';
import { type Chain, traceChain } from './cause-chain.ts';
import { createLogLookup, type LogLookup } from './log-lookup.ts';
import { findSuccessor } from './successor.ts';

export type WhyContainer = Chain & {
  /** The log was read up to here. */
  position: number;
  at: string;
  subject: { kind: 'container'; container: string; service: string; slot: number; node: string; state: ContainerState };
  /** One sentence. */
  answer: string;
  /** What the log does not say but makes likely. */
  notes: string[];
  /** Best candidate first; it was chosen. */
  placement: { node: string; candidates: Candidates; filtered: FilteredNodes };
  replaces: string | null;
  replacedBy: string | null;
};

type Life = {
  id: string;
  queued: LogEvent<'ContainerQueued'>;
  /** Facts of its own stream, oldest first. */
  own: readonly LogEvent[];
  last: LogEvent;
  end: ContainerEnd | null;
  need: LogEvent | null;
  successor: LogEvent<'ContainerQueued'> | null;
};

/** @throws AppError `container_not_found` · `log_unavailable` · the signal's reason */
export async function explainContainer(
  log: Pick<EventLog, 'read' | 'head'>,
  id: string,
  signal?: AbortSignal,
): Promise<WhyContainer> {
  const { position, at } = await log.head();
  const lookup = createLogLookup(log, { end: position, signal });
  const facts = await lookup.ofContainer(id);
  const own = facts.filter(({ stream }) => stream === streams.container(id));
  const [queued] = own;
  const last = own.at(-1);
  if (queued?.type !== 'ContainerQueued' || !last) {
    throw new AppError('container_not_found', `no container was ever called ${id}`);
  }
  const end = isEnd(last) ? last : null;
  const [need, successor] = [await findNeed(lookup, queued), await findSuccessor(lookup, queued, own, end)];
  const life: Life = { id, queued, own, last, end, need, successor };
  const { service, slot, node, candidates, filtered, replaces } = queued.data;
  return {
    position,
    at,
    subject: { kind: 'container', container: id, service, slot, node, state: stateAfter(last) },
    answer: `${await describeState(lookup, life)}${await describeNext(lookup, life)}`,
    ...(await traceChain(lookup, facts)),
    notes: await noteRoom(lookup, queued),
    placement: { node, candidates, filtered },
    replaces,
    replacedBy: successor?.data.container ?? null,
  };
}

/** By the type of its latest fact alone: the log holds legal steps only. */
function stateAfter(last: LogEvent): ContainerState {
  switch (last.type) {
    case 'ContainerStarting':
      return 'starting';
    case 'ContainerRunning':
      return 'running';
    case 'ContainerStopRequested':
      return 'stopping';
    case 'ContainerStopped':
      return 'stopped';
    case 'ContainerCompleted':
      return 'completed';
    case 'ContainerFailed':
      return 'failed';
    default:
      return 'in queue';
  }
}

async function describeState(lookup: LogLookup, { id, queued, own, last, need }: Life): Promise<string> {
  const { node } = queued.data;
  const since = `since ${formatPointInTime(last.at)}`;
  const needed = need ? `, because ${sentenceOf(need)}` : '';
  switch (last.type) {
    case 'ContainerStarting':
      return `${id} is starting on ${node} ${since}${needed}`;
    case 'ContainerRunning':
      return `${id} runs on ${node} ${since}${needed}; ${describePlace(queued)}`;
    case 'ContainerStopRequested':
      return `${id} is stopping on ${node} ${since}, because ${await describeStopCause(lookup, last)}`;
    case 'ContainerStopped': {
      const stop = own.findLast(({ type }) => type === 'ContainerStopRequested');
      const asked = stop?.type === 'ContainerStopRequested' ? await describeStopCause(lookup, stop) : 'it was asked to';
      return `${id} was stopped on ${node} at ${formatPointInTime(last.at)}${describeRun(own, last)}, because ${asked}`;
    }
    case 'ContainerCompleted':
      return `${id} completed on ${node} at ${formatPointInTime(last.at)}${describeRun(own, last)}: it ended by itself with exit code 0${last.data.note === undefined ? '' : `; ${last.data.note}`}`;
    case 'ContainerFailed':
      return `${id} failed at ${formatPointInTime(last.at)}${describeRun(own, last)}, because ${await describeFailureCause(lookup, last)}`;
    default:
      return `${id} waits ${since} for ${node} to take it${needed}`;
  }
}

const describePlace = (queued: LogEvent<'ContainerQueued'>): string =>
  isByAgent(queued) ? sentenceOf(queued) : `${queued.data.node} was ${describeChoice(queued.data)}`;

async function describeStopCause(lookup: LogLookup, stop: LogEvent<'ContainerStopRequested'>): Promise<string> {
  const cause = await findCause(lookup, stop);
  return cause ? sentenceOf(cause) : `it was asked to: ${stop.data.reason}`;
}

async function describeFailureCause(lookup: LogLookup, failed: LogEvent<'ContainerFailed'>): Promise<string> {
  if (failed.data.reason !== 'node lost') return `it ${describeFailure(failed.data)}`;
  const loss = await findCause(lookup, failed);
  return loss ? sentenceOf(loss) : `it ${describeFailure(failed.data)}`;
}

/** How long it ran; a container that never did says so. */
function describeRun(own: readonly LogEvent[], last: LogEvent): string {
  const running = own.find(({ type }) => type === 'ContainerRunning');
  if (!running) return ' before it ran';
  return ` after running for ${formatDuration(Date.parse(last.at) - Date.parse(running.at))}`;
}

async function describeNext(lookup: LogLookup, { id, queued, end, successor }: Life): Promise<string> {
  if (successor) return `; ${successor.data.container} on ${successor.data.node} replaced it`;
  if (!end) return '';
  const about = { streams: [streams.service(queued.data.service)], types: ['RestartDelayed'] } as const;
  const delays = await lookup.after(end.position, about);
  const delay = delays.find((event) => event.type === 'RestartDelayed' && event.data.container === id);
  if (delay?.type !== 'RestartDelayed') return '';
  return `; the next start of its slot waits until ${formatTimeBeside(delay.data.until, end.at)}`;
}

/** A container that waited for room got it on its node, so the last change there is what made it. */
async function noteRoom(lookup: LogLookup, queued: LogEvent<'ContainerQueued'>): Promise<string[]> {
  const wait = await findCause(lookup, queued);
  if (wait?.type !== 'PlacementBlocked') return [];
  const { node, container } = queued.data;
  const types = ['NodeRegistered', 'NodeReturned', 'NodeActivated', ...roomMakers] as const;
  const [made] = await lookup.between(wait.position, queued.position, { node, types });
  const waited = formatDuration(Date.parse(queued.at) - Date.parse(wait.at));
  const why = made ? `, probably until this made room: ${sentenceOf(made)}` : '';
  return [`${container} waited at least ${waited} for a node${why}`];
}

const roomMakers = ['ContainerFailed', 'ContainerStopped', 'ContainerCompleted'] as const;
