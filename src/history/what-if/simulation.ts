/**
 * A cluster that goes on from a view, on virtual time: the real planner, the real decisions on requests and reports, the
 * real fold, and agents of a few lines. No log, no clock, nothing random: the same view and the same requests give the
 * same events.
 */

import type { Expectation } from '../../events/log/event-log.ts';
import type { LogEvent, NewEvent } from '../../events/schema/event.ts';
import type { ClusterView, ContainerView } from '../../projections/view/cluster-view.ts';
import { evolve } from '../../projections/view/evolve.ts';
import { parseIsoTime } from '../../projections/view/iso-time.ts';
import { nothingTouched } from '../../projections/view/touched.ts';
import { type ApiRequest, decide } from '../../reconciler/commands/decide.ts';
import { serviceDeadlines, timedServices } from '../../reconciler/planner/plan.ts';
import { nextQuietMs } from '../../reconciler/planner/plan-conflicts.ts';
import { createWorkQueue } from '../../reconciler/planner/work-queue.ts';
import { type AgentTimes, createAgents } from './agents.ts';
import { createConvergence } from './converge.ts';
import { createSilences, findSilentNodes, type Silences } from './silences.ts';
import { toLogEvent, versionOf } from './to-log-event.ts';
import { createVirtualTime } from './virtual-time.ts';

/** A start takes `startMs` once it has its permit, a container of a job runs for `jobMs`. */
export type SimulationSettings = { nodeTimeoutMs: number; queueTimeoutMs: number } & AgentTimes;

export type Simulation = {
  /** Nodes that were silent before, and stay so. */
  readonly silentFromStart: readonly string[];
  /** Since the beginning. */
  elapsedMs(): number;
  /** Slots that the planner has looked at so far, those of the look to come included: what the simulation costs. */
  slotsLookedAt(): number;
  /** @throws AppError of decide */
  request(request: ApiRequest): void;
  /** Containers of the image end as soon as they run. */
  failImage(image: string): void;
  /** From now on the node sends no heartbeats, and what runs on it is gone. */
  silence(node: string): void;
  /**
   * Plans until nothing is left to do, goes to the next time at which something is due, does it, and so on. Each `next()`
   * does one piece of it, of milliseconds mostly.
   * @returns `idle`: nothing will ever be due; `time over`: nothing before `untilMs`, where the clock stands now
   */
  run(untilMs: number): Generator<void, 'idle' | 'time over', void>;
};

const requestContext = { actor: 'person:what-if', requestId: 'what-if' };

/**
 * @param view the simulation's own from now on
 * @param onEvent each event once it is folded, and when it happens, since the beginning
 */
export function createSimulation(
  view: ClusterView,
  settings: SimulationSettings,
  onEvent: (event: LogEvent, afterMs: number) => void,
): Simulation {
  const { nodeTimeoutMs, queueTimeoutMs } = settings;
  const beginMs = parseIsoTime(view.at);
  const time = createVirtualTime(beginMs);
  const queue = createWorkQueue(view);
  const failingImages = new Set<string>();
  const silences = createSilences(time, { nodeTimeoutMs, onDue: queue.addNode });

  const append = (events: readonly NewEvent[], expect: readonly Expectation[]): boolean => {
    if (expect.some(({ stream, version }) => versionOf(view, stream) !== version)) return false;
    const first = view.position + 1;
    const touched = nothingTouched();
    for (const [index, event] of events.entries()) {
      const where = { first, position: first + index, at: new Date(time.nowMs()).toISOString() };
      const written = toLogEvent(view, event, where);
      evolve(view, written, touched);
      dispatch(written);
      onEvent(written, time.elapsedMs());
    }
    queue.add(touched);
    return true;
  };

  /** At the same time, but after the append is whole. */
  const dispatch = (event: LogEvent) => {
    if (event.type === 'ContainerQueued') time.at(time.nowMs(), () => agents.start(containerOf(event)));
    if (event.type === 'ContainerStopRequested') time.at(time.nowMs(), () => agents.stop(containerOf(event)));
    if (event.type === 'HoldReleased') silences.beginAgain();
  };

  const containerOf = ({ data }: LogEvent<'ContainerQueued' | 'ContainerStopRequested'>): ContainerView =>
    view.containers.get(data.container)!;

  const agents = createAgents(
    {
      view,
      later: (delayMs, run) => time.at(time.nowMs() + delayMs, run),
      isHeard: (node) => !silences.has(node),
      isFailing: ({ spec }) => failingImages.has(spec.image),
      onReport: (decision) => append([decision.event], decision.expect),
    },
    settings,
  );

  const converging = { view, queue, heartbeats: silences.status, nowMs: time.nowMs, append };
  const { converge, slotsLookedAt } = createConvergence(converging, { queueTimeoutMs, ignoresSchedules: true });

  const silentFromStart = findSilentNodes(view, nodeTimeoutMs);
  queue.addAll();
  resume(view, silentFromStart, { silences, agents });

  return {
    silentFromStart: [...silentFromStart.keys()],
    elapsedMs: time.elapsedMs,
    slotsLookedAt,
    request(request) {
      const { events, expect } = decide(view, request, requestContext, { nodeTimeoutMs });
      append(events, expect);
    },
    failImage: (image) => void failingImages.add(image),
    silence(node) {
      if (!silences.has(node)) silences.begin(node, time.nowMs());
    },
    *run(untilMs) {
      for (;;) {
        yield* converge();
        const nextMs = earliest(time.nextDueMs(), nextDeadlineAfter(view, time.nowMs()));
        if (nextMs === null) return 'idle';
        time.moveTo(Math.min(nextMs, beginMs + untilMs));
        if (nextMs > time.nowMs()) return 'time over';
        yield* time.runDue();
        yield;
      }
    },
  };
}

type Resumed = { silences: Silences; agents: ReturnType<typeof createAgents> };

/** What was under way goes on. */
function resume(view: ClusterView, silent: ReadonlyMap<string, number>, { silences, agents }: Resumed): void {
  for (const [node, sinceMs] of silent) silences.begin(node, sinceMs);
  const placed = [...view.containers.values()].filter(({ node }) => view.nodes.get(node)?.state === 'ready');
  for (const container of placed.sort((a, b) => a.queuedPosition - b.queuedPosition)) {
    const { state } = container;
    if (state === 'in queue' || state === 'starting') agents.start(container);
    if (state === 'running') agents.goOn(container);
    if (state === 'stopping') agents.stop(container);
  }
}

/** Deadlines that have passed were looked at: what the planner left of them waits for something else, and hides those to come. */
function nextDeadlineAfter(view: ClusterView, nowMs: number): number | null {
  let next: number | null = null;
  const consider = (atMs: number | null | undefined) => {
    if (atMs != null && atMs > nowMs) next = earliest(next, atMs);
  };
  consider(nextQuietMs(view));
  for (const id of view.queued) consider(view.containers.get(id)?.queueDeadlineMs);
  for (const [name, slots] of view.delayed) {
    for (const slot of slots) consider(view.services.get(name)?.slots.get(slot)?.delayedUntilMs);
  }
  for (const service of timedServices(view)) for (const dueMs of serviceDeadlines(service)) consider(dueMs);
  return next;
}

function earliest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
