/**
 * Owns a cluster that goes on from a view, on virtual time: the real plan, the real decisions on requests and reports,
 * the real fold, and agents of a few lines. No log, no clock, nothing random: the same view and the same requests give the
 * same events.
 */

import TinyQueue from 'tinyqueue';
import type { Expectation } from '../../events/log/event-log.ts';
import type { LogEvent, NewEvent } from '../../events/schema/event.ts';
import type { ClusterView, ContainerView } from '../../projections/view/cluster-view.ts';
import { evolve } from '../../projections/view/evolve.ts';
import { parseIsoTime } from '../../projections/view/iso-time.ts';
import { nothingTouched } from '../../projections/view/touched.ts';
import { type ApiRequest, decide } from '../../reconciler/commands/decide.ts';
import { nextDeadlineMs } from '../../reconciler/planner/plan.ts';
import type { HeartbeatStatus } from '../../reconciler/planner/plan-nodes.ts';
import { createWorkQueue } from '../../reconciler/planner/work-queue.ts';
import { createAgents } from './agents.ts';
import { createSettling } from './converge.ts';
import { findSilentNodes } from './silent-nodes.ts';
import { toLogEvent, versionOf } from './to-log-event.ts';

export type WorldSettings = {
  nodeTimeoutMs: number;
  queueTimeoutMs: number;
  /** How long a start takes once it has its turn. */
  startMs: number;
  /** How long a container takes to stop. */
  stopMs: number;
};

export type World = {
  /** Nodes that were silent before, and stay so. */
  readonly silentFromStart: readonly string[];
  /** Since the beginning. */
  elapsedMs(): number;
  /** Slots that plan has looked at so far, those of the look to come included: what the world costs. */
  slotsLookedAt(): number;
  /** @throws AppError of decide */
  request(request: ApiRequest): void;
  /** From now on the node is not heard any more, and what runs on it is gone. */
  silence(node: string): void;
  /**
   * Lets plan look until it is settled, goes to the next moment at which something falls due, does it, and so on. Each
   * `next()` does one piece of it, of milliseconds mostly.
   * @returns `rest`: nothing will ever fall due; `late`: not before `untilMs`, where the clock stands now
   */
  live(untilMs: number): Generator<void, 'rest' | 'late', void>;
};

type Due = { atMs: number; order: number; run: () => void };

const requestContext = { actor: 'person:what-if', requestId: 'what-if' };

/**
 * @param view the world's own from now on
 * @param onEvent each event once it is folded, and when it happens, since the beginning
 */
export function createWorld(
  view: ClusterView,
  settings: WorldSettings,
  onEvent: (event: LogEvent, afterMs: number) => void,
): World {
  const { nodeTimeoutMs, queueTimeoutMs } = settings;
  const startedMs = parseIsoTime(view.at);
  const due = new TinyQueue<Due>([], (a, b) => a.atMs - b.atMs || a.order - b.order);
  /** Of the silent nodes: when the silence that counts began, and when the node was really heard. A grace parts the two. */
  const silentSinceMs = new Map<string, number>();
  const heardAtMs = new Map<string, number>();
  const queue = createWorkQueue(view);
  let nowMs = startedMs;
  let order = 0;

  const at = (atMs: number, run: () => void) => {
    order += 1;
    due.push({ atMs, order, run });
  };

  const append = (events: readonly NewEvent[], expect: readonly Expectation[]): boolean => {
    if (expect.some(({ stream, version }) => versionOf(view, stream) !== version)) return false;
    const first = view.position + 1;
    const touched = nothingTouched();
    for (const [index, event] of events.entries()) {
      const where = { first, position: first + index, at: new Date(nowMs).toISOString() };
      const written = toLogEvent(view, event, where);
      evolve(view, written, touched);
      dispatch(written);
      onEvent(written, nowMs - startedMs);
    }
    queue.add(touched);
    return true;
  };

  /** At the same moment, but after the append is whole. */
  const dispatch = (event: LogEvent) => {
    if (event.type === 'ContainerQueued') at(nowMs, () => agents.start(containerOf(event)));
    if (event.type === 'ContainerStopRequested') at(nowMs, () => agents.stop(containerOf(event)));
    // As in the real loop: whoever is still silent may be about to return.
    if (event.type === 'HoldReleased') for (const node of silentSinceMs.keys()) watchSilence(node, nowMs);
  };

  const containerOf = ({ data }: LogEvent<'ContainerQueued' | 'ContainerStopRequested'>): ContainerView =>
    view.containers.get(data.container)!;

  const agents = createAgents(
    {
      view,
      later: (delayMs, run) => at(nowMs + delayMs, run),
      isHeard: (node) => !silentSinceMs.has(node),
      onReport: (decision) => append([decision.event], decision.expect),
    },
    settings,
  );

  const heartbeats: HeartbeatStatus = {
    timeoutMs: nodeTimeoutMs,
    silentMs: (node) => nowMs - (silentSinceMs.get(node) ?? nowMs),
    sinceHeartbeatMs: (node) => nowMs - (heardAtMs.get(node) ?? nowMs),
  };

  /** plan compares with "longer than", so it looks after the time-out, not on it. */
  const watchSilence = (node: string, sinceMs: number) => {
    silentSinceMs.set(node, sinceMs);
    if (!heardAtMs.has(node)) heardAtMs.set(node, sinceMs);
    at(Math.max(nowMs, sinceMs + nodeTimeoutMs + 1), () => queue.addNode(node));
  };

  const { settle, slotsLookedAt } = createSettling(
    { view, queue, heartbeats, nowMs: () => nowMs, append },
    { queueTimeoutMs },
  );

  const silentFromStart = findSilentNodes(view, nodeTimeoutMs);
  queue.addAll();
  resume(view, silentFromStart, { watchSilence, agents });

  return {
    silentFromStart: [...silentFromStart.keys()],
    elapsedMs: () => nowMs - startedMs,
    slotsLookedAt,
    request(request) {
      const { events, expect } = decide(view, request, requestContext, { nodeTimeoutMs });
      append(events, expect);
    },
    silence(node) {
      if (!silentSinceMs.has(node)) watchSilence(node, nowMs);
    },
    *live(untilMs) {
      for (;;) {
        yield* settle();
        const nextMs = earliest(due.peek()?.atMs ?? null, nextDeadlineAfter(view, nowMs));
        if (nextMs === null) return 'rest';
        nowMs = Math.min(nextMs, startedMs + untilMs);
        if (nextMs > nowMs) return 'late';
        for (let next = due.peek(); next && next.atMs <= nowMs; next = due.peek()) {
          due.pop()!.run();
          yield;
        }
        yield;
      }
    },
  };
}

type Resumed = { watchSilence: (node: string, sinceMs: number) => void; agents: ReturnType<typeof createAgents> };

/** What was under way goes on. */
function resume(view: ClusterView, silent: ReadonlyMap<string, number>, { watchSilence, agents }: Resumed): void {
  for (const [node, sinceMs] of silent) watchSilence(node, sinceMs);
  const placed = [...view.containers.values()].filter(({ node }) => view.nodes.get(node)?.state === 'ready');
  for (const container of placed.sort((a, b) => a.queuedPosition - b.queuedPosition)) {
    const { state } = container;
    if (state === 'in queue' || state === 'starting') agents.start(container);
    if (state === 'stopping') agents.stop(container);
  }
}

/** Deadlines that have passed were looked at: what plan left of them waits for something else, and hides those to come. */
function nextDeadlineAfter(view: ClusterView, nowMs: number): number | null {
  let next: number | null = null;
  const consider = (atMs: number | null | undefined) => {
    if (atMs != null && atMs > nowMs) next = earliest(next, atMs);
  };
  consider(nextDeadlineMs(view));
  for (const id of view.queued) consider(view.containers.get(id)?.queueDeadlineMs);
  for (const [name, slots] of view.delayed) {
    for (const slot of slots) consider(view.services.get(name)?.slots.get(slot)?.delayedUntilMs);
  }
  return next;
}

function earliest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
