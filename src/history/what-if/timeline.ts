/** The timeline of a what-if: a line for each event, with its reason. Pure, but for the memory of causes. */

import type { EventData } from '../../events/schema/catalog.ts';
import type { LogEvent } from '../../events/schema/event.ts';
import { formatCount, formatDuration } from '../sentences/format-values.ts';

export type TimelineEntry = {
  /** Since the point in time the question begins at. */
  afterMs: number;
  /** A sentence's main part: `web.2 is placed on worker-3`. */
  what: string;
  why: string;
  type: LogEvent['type'] | 'NodeKilled';
  service: string | null;
  slot: number | null;
  node: string | null;
};

export type Timeline = {
  add(event: LogEvent, afterMs: number): void;
  /** What no event of a log says: the node is supposed to die at the beginning. */
  addKill(node: string, isLost: boolean): void;
  /** In the order it would happen. */
  readonly entries: readonly TimelineEntry[];
  /** Left out: there were more than `entriesMax`. */
  readonly leftOut: number;
};

/** An operator reads no more lines than this, and an answer stays below a megabyte. */
const entriesMax = 2_000;

export function createTimeline(): Timeline {
  const entries: TimelineEntry[] = [];
  const causes = new Map<string, string>();
  let leftOut = 0;

  const push = (entry: TimelineEntry) => {
    if (entries.length < entriesMax) entries.push(entry);
    else leftOut += 1;
  };

  return {
    entries,
    get leftOut() {
      return leftOut;
    },
    add(event, afterMs) {
      const sentence = describe(event, causes.get(event.meta.causationId ?? '') ?? null);
      if (sentence === null) return;
      causes.set(event.meta.eventId, sentence.asCause ?? sentence.what);
      const { service = null, slot = null, node = null } = event.data as Partial<TimelineEntry>;
      push({ afterMs, what: sentence.what, why: sentence.why, type: event.type, service, slot, node });
    },
    addKill(node, isLost) {
      const what = isLost ? `${node} is lost already` : `${node} stops sending heartbeats`;
      push({ afterMs: 0, what, why: 'requested', type: 'NodeKilled', service: null, slot: null, node });
    },
  };
}

/** `asCause`: how it is named as the reason of another; default `what`. */
type Sentence = { what: string; why: string; asCause?: string };

/** null: no news for operators. @param cause the event it follows from, in words; null when that is in the history */
function describe(event: LogEvent, cause: string | null): Sentence | null {
  switch (event.type) {
    case 'ServiceRequested':
    case 'ServiceScaled':
    case 'ServiceRemovalRequested':
    case 'NodeDrainRequested':
      return { what: describeRequest(event), why: 'requested' };
    case 'ServiceRemoved':
      return { what: `${event.data.service} is gone`, why: 'its last container has ended' };
    case 'ContainerQueued':
      return {
        what: `${slotOf(event.data)} is placed on ${event.data.node}`,
        why: describePlacement(event.data, cause),
      };
    case 'ContainerRunning':
      return { what: `${slotOf(event.data)} runs on ${event.data.node}`, why: 'started' };
    case 'ContainerStopRequested':
      return {
        what: `${slotOf(event.data)} on ${event.data.node} is asked to stop`,
        why: event.data.reason,
        asCause: `${event.data.node}: ${event.data.reason}`,
      };
    case 'ContainerStopped':
      return { what: `${slotOf(event.data)} on ${event.data.node} has stopped`, why: cause ?? 'asked to stop' };
    case 'ContainerFailed':
      return {
        what: `${slotOf(event.data)} on ${event.data.node} is given up`,
        why: event.data.reason,
        asCause: `${event.data.node}: ${event.data.reason}`,
      };
    case 'PlacementBlocked':
      return { what: describeMissing(event.data), why: describeFiltered(event.data) };
    case 'RolloutStarted':
      return { what: `${rolloutOf(event.data)} begins`, why: cause ?? 'containers of an earlier spec run' };
    case 'RolloutCompleted':
      return { what: `${rolloutOf(event.data)} is complete`, why: 'every replica serves' };
    case 'RolloutPaused':
      return { what: `${rolloutOf(event.data)} pauses`, why: event.data.reason };
    case 'RolloutFailed':
      return { what: `${rolloutOf(event.data)} is given up`, why: event.data.reason };
    case 'JobDue':
      return { what: `run ${event.data.run} of ${event.data.service} begins`, why: cause ?? event.data.cause };
    case 'JobCompleted':
      return { what: `run ${event.data.run} of ${event.data.service} is complete`, why: 'its containers ended with 0' };
    case 'JobFailed':
      return { what: `run ${event.data.run} of ${event.data.service} fails`, why: event.data.reason };
    case 'RestartDelayed':
      return {
        what: `${slotOf(event.data)} waits for ${formatDuration(event.data.delayMs)}`,
        why: `it failed ${event.data.failures} times in a row`,
      };
    case 'RebalanceRequested': {
      const { node, to, replicasFrom, replicasTo } = event.data;
      return {
        what: `${slotOf(event.data)} is to move from ${node} to ${to}`,
        why: `${node} has ${replicasFrom} of it, ${to} has ${replicasTo}`,
      };
    }
    case 'ServiceBalanced':
      return { what: `${event.data.service} is balanced`, why: 'no node has two more of it than another' };
    case 'NodeLost':
      return { what: `${event.data.node} is lost`, why: `silent for ${formatDuration(event.data.silentMs)}` };
    case 'AlarmRaised':
      return { what: `alarm: ${event.data.alarm}`, why: event.data.message };
    case 'AlarmCleared':
      return { what: `alarm over: ${event.data.alarm}`, why: 'its reason is gone' };
    case 'HoldReleased':
      return { what: 'the hold is released', why: event.data.reason };
    default:
      return null;
  }
}

type Request = 'ServiceRequested' | 'ServiceScaled' | 'ServiceRemovalRequested' | 'NodeDrainRequested';

function describeRequest(event: LogEvent<Request>): string {
  switch (event.type) {
    case 'ServiceRequested':
      return event.data.changed
        ? `${event.data.service} is to run ${event.data.container.image}`
        : `${event.data.service} stays as it is`;
    case 'ServiceScaled':
      return `${event.data.service} is scaled from ${event.data.from} to ${event.data.replicas}`;
    case 'ServiceRemovalRequested':
      return `${event.data.service} is to be removed`;
    case 'NodeDrainRequested':
      return `${event.data.node} is drained`;
  }
}

const rolloutOf = ({ service, to }: { service: string; to: number }) => `the rollout of generation ${to} of ${service}`;

const slotOf = ({ service, slot }: { service: string; slot: number }) => `${service}.${slot}`;

function describePlacement({ service, candidates }: EventData<'ContainerQueued'>, cause: string | null): string {
  const [best] = candidates;
  const there = best
    ? `there: ${best.replicasOfService} of ${service}, ${formatCount(best.containers, 'container')}`
    : null;
  return [cause, there].filter((part) => part !== null).join('; ');
}

function describeMissing({ service, missing }: EventData<'PlacementBlocked'>): string {
  return missing === 0 ? `${service} lacks no node any more` : `${service} lacks a node for ${missing} of its replicas`;
}

function describeFiltered({ missing, filtered }: EventData<'PlacementBlocked'>): string {
  if (missing === 0) return 'there is room again';
  if (filtered.length === 0) return 'the cluster has no node';
  return filtered.map(({ reason, count }) => `${reason} (${formatCount(count, 'node')})`).join(', ');
}
