/**
 * Answers "what would happen if": a copy of a view is changed and goes on in a simulation until nothing is due any more
 * or a bound ends it. Appends nothing, sends nothing, and leaves the view it was given as it was.
 */

import { deserialize, serialize } from 'node:v8';
import { createYielder, nextTick } from '../../concurrency/yielder.ts';
import { AppError } from '../../errors.ts';
import type { LogEvent } from '../../events/schema/event.ts';
import { alarmNames } from '../../model/alarm.ts';
import { queueTimeoutMsDefault } from '../../model/container.ts';
import { nodeTimeoutMsDefault } from '../../model/node.ts';
import { alarmKey } from '../../projections/view/cluster.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import type { ApiRequest } from '../../reconciler/commands/decide.ts';
import { describeAssumptions, findFailing } from './assumptions.ts';
import { judge, type RunEnd, type Verdict } from './conclusion.ts';
import { createTally, describeBefore, isConsequence, type ServiceOutcome } from './outcome.ts';
import { createSimulation, type Simulation } from './simulation.ts';
import { estimateStartTime } from './start-time.ts';
import { createTimeline, type Timeline, type TimelineEntry } from './timeline.ts';

/** What is supposed to happen at once, in this order. */
export type WhatIfChange =
  | { kind: 'kill'; node: string }
  | { kind: 'drain'; node: string }
  | { kind: 'scale'; service: string; replicas: number }
  /** `fails`: containers of the image end as soon as they run. */
  | { kind: 'image'; service: string; image: string; fails?: boolean }
  | { kind: 'remove'; service: string }
  /** Any request of a client, as it is decided. */
  | { kind: 'request'; request: ApiRequest };

export type WhatIfQuestion = {
  changes: readonly WhatIfChange[];
  /** How much virtual time is looked at. At most `withinMsMax`; default `withinMsDefault`. */
  withinMs?: number;
};

/** The settings of the cluster's managers; the defaults are theirs. */
export type WhatIfSettings = {
  nodeTimeoutMs?: number;
  queueTimeoutMs?: number;
  /** How much work an answer may be. Default `slotsLookedAtMaxDefault`. */
  slotsLookedAtMax?: number;
};

export type WhatIfAnswer = {
  /** The point in time it begins at. */
  position: number;
  at: string;
  verdict: Verdict;
  timeline: readonly TimelineEntry[];
  /** Lines the timeline has no room for. */
  timelineLeftOut: number;
  /** Every service there was, in natural order. */
  services: ServiceOutcome[];
  /** What the answer takes for granted, a sentence each. */
  assumptions: string[];
};

export const withinMsDefault = 600_000;
/** Restarts wait a minute at most and containers in queue as long: what has not happened in an hour does not. */
export const withinMsMax = 3_600_000;
/** Ten thousand containers placed, started and stopped: about two seconds. */
const eventsMax = 50_000;
/** Each look at a service costs as many as it has replicas: about two seconds. A question that hits a bound is given up at the same event every time. */
const slotsLookedAtMaxDefault = 3_000_000;
/** Of all services a question scales: twice what one service may have. More would be given up before it is placed. */
export const replicasAskedMax = 20_000;
/** Other work of the process is served this often. */
const yieldEveryMs = 20;

/** A stop of a process that listens to its signal, with an init: measured 57 ms for the engine's part. */
const stopMs = 200;
/** How long a job takes is not known: long enough to be seen. */
const jobMs = 10_000;

/**
 * @param view read before the first await
 * @throws AppError `node_not_found` · `service_not_found` · `service_removing` · `service_too_large` · `mode_mismatch` ·
 *   `whatif_too_large` (details.field, .rule) · the signal's reason
 */
export async function whatIf(
  view: ClusterView,
  question: WhatIfQuestion,
  settings: WhatIfSettings = {},
  signal?: AbortSignal,
): Promise<WhatIfAnswer> {
  boundChanges(question.changes);
  const supposed = await copyWithPauses(view);
  signal?.throwIfAborted();
  const { position, at } = supposed;
  const { changes, withinMs = withinMsDefault } = question;
  const { nodeTimeoutMs = nodeTimeoutMsDefault, queueTimeoutMs = queueTimeoutMsDefault } = settings;
  const { slotsLookedAtMax = slotsLookedAtMaxDefault } = settings;
  const start = estimateStartTime(supposed);
  const before = describeBefore(supposed);
  const failing = findFailing(supposed);
  forgetInstability(supposed);
  const timeline = createTimeline();
  const tally = createTally();
  let events = 0;
  let lastEventMs: number | null = null;
  const onEvent = (event: LogEvent, afterMs: number) => {
    events += 1;
    if (isConsequence(event)) lastEventMs = afterMs;
    timeline.add(event, afterMs);
    tally.add(event);
  };
  const times = { nodeTimeoutMs, queueTimeoutMs, startMs: start.startMs, stopMs, jobMs };
  const simulation = createSimulation(supposed, times, onEvent);
  for (const change of changes) applyChange(supposed, change, { simulation, timeline });

  const isFull = () => events >= eventsMax || simulation.slotsLookedAt() >= slotsLookedAtMax;
  const by = await run(simulation, { withinMs, isFull, signal });
  const services = tally.outcomes(supposed, before);
  const hold = supposed.alarms.get(alarmKey(alarmNames.massNodeLoss, ''))?.message ?? null;
  return {
    position,
    at,
    verdict: judge(services, hold, { by, lastEventMs, elapsedMs: simulation.elapsedMs() }),
    timeline: timeline.entries,
    timelineLeftOut: timeline.leftOut,
    services,
    assumptions: describeAssumptions({
      ...{ start, stopMs, nodeTimeoutMs, failing, silent: simulation.silentFromStart },
      jobs: { jobMs, isAny: [...supposed.services.values()].some(({ job }) => job !== null) },
      failingImages: failingImagesOf(changes),
    }),
  };
}

/**
 * With pauses for other work: only reading the view must be one stretch, for it may be a live one. Measured with 10,000
 * containers: 30 ms to read it and 40 ms to build the copy, where a clone took 100 ms at once.
 */
async function copyWithPauses(view: ClusterView): Promise<ClusterView> {
  const bytes = serialize(view);
  await nextTick();
  const copy = deserialize(bytes) as ClusterView;
  await nextTick();
  return copy;
}

/** What failed again and again is supposed not to any more: that this takes ten minutes to show is no consequence of the question. */
function forgetInstability(view: ClusterView): void {
  for (const service of view.services.values()) {
    service.unstable = null;
    for (const slot of service.slots.values()) slot.failedAtMs = [];
  }
}

/** In slices: other work of the process is served between them. */
async function run(
  simulation: Simulation,
  { withinMs, isFull, signal }: { withinMs: number; isFull: () => boolean; signal: AbortSignal | undefined },
): Promise<RunEnd['by']> {
  const pieces = simulation.run(withinMs);
  const yielder = createYielder(yieldEveryMs);
  for (let piece = pieces.next(); ; piece = pieces.next()) {
    if (piece.done) return piece.value === 'idle' ? 'idle' : 'time';
    if (isFull()) return 'work';
    if (!yielder.isDue()) continue;
    await yielder.yield();
    signal?.throwIfAborted();
  }
}

const failingImagesOf = (changes: readonly WhatIfChange[]): string[] =>
  changes.flatMap((change) => (change.kind === 'image' && change.fails ? [change.image] : []));

/** @throws AppError `whatif_too_large` (details.field, .rule) */
function boundChanges(changes: readonly WhatIfChange[]): void {
  const scaled = new Map<string, number>();
  for (const change of changes) if (change.kind === 'scale') scaled.set(change.service, change.replicas);
  const replicas = [...scaled.values()].reduce((sum, wanted) => sum + wanted, 0);
  if (replicas <= replicasAskedMax) return;
  const rule = `must not scale to more than ${replicasAskedMax} replicas together`;
  throw new AppError('whatif_too_large', `changes ${rule}; these are ${replicas}`, {
    details: { field: 'changes', rule },
  });
}

function applyChange(
  view: ClusterView,
  change: WhatIfChange,
  { simulation, timeline }: { simulation: Simulation; timeline: Timeline },
): void {
  switch (change.kind) {
    case 'kill': {
      const node = view.nodes.get(change.node);
      if (!node) throw new AppError('node_not_found', `no node is called ${change.node}`);
      timeline.addKill(node.id, node.state === 'lost');
      if (node.state === 'ready') simulation.silence(node.id);
      break;
    }
    case 'drain':
      simulation.request({ kind: 'node', node: change.node, action: 'drain' });
      break;
    case 'scale':
      simulation.request({ kind: 'patch', service: change.service, replicas: change.replicas });
      break;
    case 'image':
      if (change.fails) simulation.failImage(change.image);
      simulation.request({ kind: 'patch', service: change.service, container: { image: change.image } });
      break;
    case 'remove':
      simulation.request({ kind: 'remove', service: change.service });
      break;
    case 'request':
      simulation.request(change.request);
      break;
  }
}
