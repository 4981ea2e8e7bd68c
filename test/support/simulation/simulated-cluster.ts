/**
 * A whole cluster on virtual time, without I/O: the real plan, the real evolve, the real decisions on reports and
 * claims, and nodes that obey the rules of the agent in a few lines. Every event is checked as it is written. One seed gives
 * one history.
 */

import { deepStrictEqual, ok } from 'node:assert';
import type { RegisterReport, Report } from '../../../src/bus/messages.ts';
import type { Expectation } from '../../../src/events/log/event-log.ts';
import type { EventType } from '../../../src/events/schema/catalog.ts';
import type { LogEvent, NewEvent } from '../../../src/events/schema/event.ts';
import type { AgentInstance } from '../../../src/model/node.ts';
import type { RebalancePolicy } from '../../../src/model/placement.ts';
import {
  type ClusterView,
  emptyClusterView,
  type JobView,
  type ServiceView,
} from '../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../src/projections/view/evolve.ts';
import { isOfRun, runningRuns } from '../../../src/projections/view/job-runs.ts';
import { nothingTouched, type Touched } from '../../../src/projections/view/touched.ts';
import { decideEngineReport, isEngineReport } from '../../../src/reconciler/commands/decide-engine-report.ts';
import { decideRefusal, resolveRegistration } from '../../../src/reconciler/commands/decide-registration.ts';
import { decideReport } from '../../../src/reconciler/commands/decide-report.ts';
import { decideRestarts } from '../../../src/reconciler/commands/decide-restarts.ts';
import { plan } from '../../../src/reconciler/planner/plan.ts';
import { parallelismOf } from '../../../src/reconciler/planner/slot-buckets.ts';
import { describeStep } from '../../../src/reconciler/planner/step.ts';
import { groupSteps } from '../../../src/reconciler/planner/step-groups.ts';
import { createWorkQueue } from '../../../src/reconciler/planner/work-queue.ts';
import { createAloneNodes, explainDoubleRun } from './alone-nodes.ts';
import type { SimulatedNode } from './simulated-node.ts';

const clusterId = '00000000-0000-4000-8000-000000000000';
export const nodeTimeoutMs = 5_000;
/** An agent that was refused asks again. */
const refusedRetryMs = 5_000;
/** Of what a manager says while the log is away. */
const aloneLeaseMs = 3_000;
/** So long what the log does not want may still run: until the answer to a report, and for one a manager placed until a sync. */
const orphanMaxMs = { restarted: 500, placed: 5_000 };

export type SimulatedCluster = {
  view: ClusterView;
  events: LogEvent[];
  nodes: Map<string, SimulatedNode>;
  nowMs(): number;
  random(): number;
  pick<T>(items: readonly T[]): T;
  append(events: readonly NewEvent[], expect?: readonly Expectation[]): boolean;
  /** The same before plan looks again: what another process appends meanwhile. */
  write(events: readonly NewEvent[], expect?: readonly Expectation[]): boolean;
  /** The manager stood still: every node gets a fresh grace period. */
  grace(): void;
  addNode(id: string): void;
  /** A second agent under the id of a node, on a machine of its own. Under `name` it is crashed, cut off and brought back. */
  addTwin(name: string, of: string): void;
  crash(id: string): void;
  /** Its containers run on. */
  restartAgent(id: string): void;
  partition(id: string): void;
  bringBack(id: string): void;
  /** What runs there runs on, and nothing starts or stops. */
  hangEngine(id: string): void;
  wakeEngine(id: string): void;
  killContainer(node: string, container: string): void;
  /** Lets virtual time pass, doing all that falls due. */
  advance(ms: number): void;
  /** The same while no manager leads: reports become facts, and nothing is planned. Nodes get a fresh grace period after it. */
  pause(ms: number): void;
  /** The broker cannot be reached by anybody. @param meanwhile after half of the time */
  loseBroker(ms: number, meanwhile: () => void): void;
  /** No manager reaches the log, and each says so. */
  loseLog(ms: number, meanwhile: () => void): void;
  /** A manager that alone cannot reach the log says so to one node. */
  noticeAlone(id: string): void;
  /** The last steps planned, in words, for a failing test's message. */
  tail(): string;
};

export type SimulationOptions = {
  failingImage?: string;
  /** Of the hold. Default: none. */
  holdMs?: number;
  /** Of services that say nothing. Default: none is moved. */
  rebalance?: RebalancePolicy;
  /** The test writes what no agent reported: what the log wants is not what nodes were asked for. */
  hasInventedReports?: boolean;
  /** How likely a start fails by chance. Default 0.02. */
  startErrorRate?: number;
  /** When and how a program ends by itself, asked once it runs; null: it does not. */
  ends?: (run: { service: string; slot: number; image: string }) => { afterMs: number; exitCode: number } | null;
  /** A fold that forgets: what is left of what an append touched. For tests that the simulation notices it. */
  dropTouched?: (touched: Touched) => Touched;
};

export function createSimulatedCluster(seed: number, options: SimulationOptions = {}): SimulatedCluster {
  const random = mulberry32(seed);
  const startMs = Date.UTC(2026, 0, 1);
  let nowMs = startMs;
  const view = emptyClusterView();
  const queue = createWorkQueue(view);
  const events: LogEvent[] = [];
  const versions = new Map<string, number>();
  const nodes = new Map<string, SimulatedNode>();
  /** `sinceMs`: of its last beat or of its last grace period. */
  const heard = new Map<string, { session: number; sinceMs: number; atMs: number | null; isNoticed: boolean }>();
  const timers: { atMs: number; order: number; run: () => void }[] = [];
  const spoken: string[] = [];
  /** Who reads a node's queue: one at a time, the next when it is gone. */
  const readers = new Map<string, SimulatedNode>();
  let instances = 0;
  let order = 0;
  let isPlanning = false;
  let isLeaderless = false;
  let isBrokerAway = false;
  let isLogAway = false;
  const orphans = new Map<string, number>();

  const later = (minMs: number, maxMs: number, run: () => void) => {
    order += 1;
    timers.push({ atMs: nowMs + minMs + Math.floor(random() * (maxMs - minMs + 1)), order, run });
  };

  const append = (newEvents: readonly NewEvent[], expect: readonly Expectation[] = []): boolean => {
    if (expect.some(({ stream, version }) => (versions.get(stream) ?? 0) !== version)) return false;
    const first = events.length + 1;
    const touched = nothingTouched();
    newEvents.forEach((event, index) => {
      const version = (versions.get(event.stream) ?? 0) + 1;
      versions.set(event.stream, version);
      const { causationIndex, ...meta } = event.meta;
      const stored = {
        ...event,
        position: first + index,
        version,
        schemaVersion: 1,
        at: new Date(nowMs).toISOString(),
        meta: {
          eventId: `e${first + index}`,
          commitId: `c${first}`,
          requestId: null,
          correlationId: `e${first + index}`,
          ...meta,
          causationId: causationIndex === undefined ? meta.causationId : `e${first + causationIndex}`,
        },
      } as LogEvent;
      events.push(stored);
      evolve(view, stored, touched);
      checkSurge(view, stored);
    });
    queue.add(options.dropTouched?.(touched) ?? touched);
    for (const event of events.slice(first - 1)) dispatch(event);
    return true;
  };

  const reconcile = () => {
    if (isPlanning || isLeaderless) return;
    isPlanning = true;
    for (let rounds = 0; ; rounds += 1) {
      ok(rounds < 200, `plan does not settle: ${spoken.slice(-20).join('\n')}`);
      noticeSilence();
      const heartbeats = { timeoutMs: nodeTimeoutMs, silentMs, sinceHeartbeatMs };
      const steps = plan({
        view,
        work: queue.take(),
        heartbeats,
        settings: { queueTimeoutMs: 60_000, holdMs: options.holdMs ?? null, rebalance: options.rebalance ?? null },
        nowMs,
      });
      if (steps.length === 0) break;
      for (const group of groupSteps(steps)) {
        for (const step of group) spoken.push(`${nowMs - startMs} ${describeStep(step)}`);
        const events = group.map(({ event }) => event);
        const expect = group.flatMap((step) => step.expect);
        if (!append(events, expect)) for (const step of group) queue.requeue(step);
      }
    }
    isPlanning = false;
  };

  /** As the timers of the real failure detector: a node is evaluated once when its time-out passes, not ever after. */
  const noticeSilence = () => {
    for (const [id, entry] of heard) {
      if (entry.isNoticed || nowMs - entry.sinceMs <= nodeTimeoutMs) continue;
      entry.isNoticed = true;
      queue.addNode(id);
    }
  };

  const grace = () => {
    for (const entry of heard.values()) Object.assign(entry, { sinceMs: nowMs, isNoticed: false });
  };

  const silentMs = (id: string, session: number) => {
    const entry = heard.get(id);
    return entry?.session === session ? nowMs - entry.sinceMs : null;
  };

  const sinceHeartbeatMs = (id: string, session: number) => {
    const entry = heard.get(id);
    return entry?.session === session && entry.atMs !== null ? nowMs - entry.atMs : null;
  };

  const report = (node: SimulatedNode, body: Record<string, unknown>) => {
    if (!node.isUp) return;
    const message = {
      clusterId,
      node: node.id,
      reportId: clusterId,
      at: '',
      causationId: null,
      ...body,
    } as unknown as Report;
    const deliver = () => {
      if (!isReached(node) || isLogAway) return later(500, 1_000, deliver);
      if (message.kind === 'pull-progress') return;
      if (message.kind === 'restarted') return deliverRestarted(node, message);
      if (message.kind === 'register' && !mayRegister(node, message)) return;
      const decision = isEngineReport(message)
        ? decideEngineReport(view, message, nowMs)
        : decideReport(view, message, clusterId);
      if (decision === 'orphan' && 'container' in message) removeOrphan(node, message.container);
      if (typeof decision !== 'string') ok(append([decision.event], decision.expect));
    };
    later(1, 30, deliver);
  };

  const isReached = (node: SimulatedNode) => node.isConnected && !isBrokerAway;

  const removeOrphan = (node: SimulatedNode, container: string) =>
    later(1, 20, () => node.isUp && !alone.abandon(node, container) && node.running.delete(container));

  const deliverRestarted = (node: SimulatedNode, message: Extract<Report, { kind: 'restarted' }>) => {
    const decision = decideRestarts(view, message, nowMs);
    if (decision === 'stale') return;
    if (decision === 'orphan') return removeOrphan(node, message.runs.at(-1)!.container);
    ok(append(decision.events, decision.expect));
  };

  const isAlone = (node: SimulatedNode, service: string) => {
    if (isReached(node)) return nowMs < node.aloneUntilMs;
    return view.services.get(service)?.policy.onDisconnect === 'keep' || nowMs - node.takenAtMs < nodeTimeoutMs;
  };

  /** The last word counts: what is on its way says how it is when it arrives. */
  const reportEngine = (node: SimulatedNode) =>
    later(1_000, 4_000, () => {
      const { session, isEngineSilent } = node;
      if (session === null) return;
      const body = isEngineSilent
        ? { kind: 'engine-lost', message: 'hung', timeoutMs: 20_000 }
        : { kind: 'engine-returned' };
      report(node, { ...body, session });
    });

  const nextInstance = (): AgentInstance => {
    instances += 1;
    const id = `00000000-0000-4000-8000-${String(instances).padStart(12, '0')}`;
    return { id, pid: instances, startedAt: new Date(nowMs).toISOString() };
  };

  const renew = (node: SimulatedNode) => {
    Object.assign(node, { session: null, instance: nextInstance(), challengedAtMs: null, refusedUntilMs: null });
    if (readers.get(node.id) === node) readers.delete(node.id);
  };

  const readerOf = (id: string): SimulatedNode | undefined => {
    const canRead = (node: SimulatedNode) =>
      node.id === id && node.isUp && isReached(node) && node.refusedUntilMs === null;
    const present = readers.get(id);
    if (present && canRead(present)) return present;
    const next = [...nodes.values()].find(canRead);
    if (next) readers.set(id, next);
    return next;
  };

  /** false: another instance has the node, and the registration goes no further. */
  const mayRegister = (node: SimulatedNode, message: RegisterReport): boolean => {
    const holder = view.nodes.get(node.id);
    const claim = resolveRegistration(holder, message, {
      timeoutMs: nodeTimeoutMs,
      silentMs: holder ? silentMs(holder.id, holder.session) : null,
      sinceHeartbeatMs: holder ? sinceHeartbeatMs(holder.id, holder.session) : null,
      challengedAgoMs: node.challengedAtMs === null ? null : nowMs - node.challengedAtMs,
    });
    if (claim === 'register' || !holder) return true;
    if (claim === 'challenge') {
      node.challengedAtMs ??= nowMs;
      later(1, 20, () => readerOf(node.id) === node && register(node, { readsQueue: true }));
      return false;
    }
    const record = decideRefusal(holder, message, nowMs);
    if (record) ok(append([record.event], record.expect));
    later(1, 20, () => {
      node.refusedUntilMs = nowMs + refusedRetryMs;
    });
    return false;
  };

  const register = (node: SimulatedNode, proof: { readsQueue?: true } = {}) => {
    node.session = null;
    const inventory = [...node.running].map(([container, { service, slot, specHash, state }]) => ({
      container,
      service,
      slot,
      specHash,
      state: state === 'running' ? 'running' : 'created',
      exitCode: null,
    }));
    const engine = { kind: 'simulated', engineId: node.machine, version: '1', memoryBytes: 2 ** 33, cpuMillis: 8_000 };
    report(node, {
      kind: 'register',
      registrationId: clusterId,
      instance: node.instance,
      ...proof,
      engine,
      hostname: node.machine,
      agentVersion: '',
      labels: [],
      inventory,
    });
  };

  const alone = createAloneNodes({ view, report, running, isAlone, begin: (node, run) => start(node, run) });

  const dispatch = (event: LogEvent) => {
    if (event.type === 'NodeRegistered' || event.type === 'NodeReturned') {
      const { node: id, instance } = event.data;
      heard.set(id, { session: event.position, sinceMs: nowMs, atMs: null, isNoticed: false });
      // Not refused any more: it reads again.
      for (const node of nodes.values()) if (node.instance.id === instance?.id) node.refusedUntilMs = null;
      later(1, 20, () => sync(id, event.position, instance?.id));
    }
    if (event.type === 'HoldReleased') grace();
    if (event.type === 'ContainerQueued') {
      const { node, session, container, specHash, service, slot, image } = event.data;
      command(node, session, (heard) => start(heard, { container, specHash, service, slot, image }));
    }
    if (event.type === 'ContainerStopRequested') {
      const { node, container } = event.data;
      const session = view.nodes.get(node)?.session;
      if (session !== undefined) command(node, session, (heard) => stop(heard, container));
    }
  };

  /** Waits in the node's queue while it is cut off; of another session it means nothing any more. */
  const command = (id: string, session: number, obey: (node: SimulatedNode) => void) => {
    const deliver = () => {
      if (view.nodes.get(id)?.session !== session) return;
      const node = readerOf(id);
      if (!node || node.isUnresponsive) return later(200, 400, deliver);
      if (node.session === session) obey(node);
    };
    later(1, 20, deliver);
  };

  /** The wanted set, as the log has it when it arrives. */
  const sync = (id: string, session: number, instanceId: string | undefined) => {
    const wanted = view.nodes.get(id);
    if (wanted?.session !== session) return;
    const node = readerOf(id);
    if (!node || node.isEngineSilent) return later(200, 400, () => sync(id, session, instanceId));
    // An answer to another's registration is no answer.
    if (instanceId !== undefined && node.instance.id !== instanceId) return;
    node.session = session;
    node.aloneUntilMs = 0;
    for (const container of wanted.containers) alone.claim(node, container);
    const isGoingOn = (container: string) =>
      wanted.containers.has(container) && view.containers.get(container)?.state !== 'stopping';
    for (const container of node.running.keys()) {
      if (!wanted.containers.has(container) && !alone.isHeldFor(node, container, isGoingOn)) {
        alone.forget(node, container);
        node.running.delete(container);
        report(node, { kind: 'stale-removed', session, container, reason: 'not wanted' });
      }
    }
    for (const container of wanted.containers) {
      const logged = view.containers.get(container);
      const present = node.running.get(container);
      if (!logged) continue;
      const { service, slot, specHash, spec, state } = logged;
      if (state === 'stopping') stop(node, container);
      else if (alone.repeat(node, container)) continue;
      else if (present?.state === 'running') report(node, running(session, container));
      else if (state === 'in queue' && !present) start(node, { container, specHash, service, slot, image: spec.image });
      else if (!present) report(node, failed(session, container, 'killed'));
    }
  };

  const start = (
    node: SimulatedNode,
    run: { container: string; specHash: string; service: string; slot: number; image: string },
  ) => {
    const { container, image } = run;
    if (node.started.has(container)) {
      alone.claim(node, container);
      return;
    }
    node.started.add(container);
    node.running.set(container, { ...run, state: 'starting' });
    if (!node.chains.has(container)) report(node, { kind: 'starting', session: node.session, container });
    const carryOut = () => {
      if (node.isUp && node.isEngineSilent) return later(200, 400, carryOut);
      const present = node.running.get(container);
      if (present && node.chains.has(container) && !isReached(node) && !isAlone(node, present.service)) {
        return later(200, 400, carryOut);
      }
      if (!node.isUp || present?.state !== 'starting') return;
      if (node.isBroken || image === options.failingImage || random() < (options.startErrorRate ?? 0.02)) {
        return alone.ended(node, container, failed(node.session, container, 'start error'));
      }
      present.state = 'running';
      if (!alone.runs(node, container)) report(node, running(node.session, container));
      endByItself(node, run);
    };
    later(50, 800, carryOut);
  };

  const endByItself = (
    node: SimulatedNode,
    run: { container: string; service: string; slot: number; image: string },
  ) => {
    const end = options.ends?.(run);
    if (!end) return;
    const { container } = run;
    later(end.afterMs, end.afterMs, () => {
      if (!node.isUp || !node.running.has(container)) return;
      const completed = { kind: 'completed', session: node.session, container, logTail: [] };
      alone.ended(node, container, end.exitCode === 0 ? completed : failed(node.session, container, 'exited'));
    });
  };

  const stop = (node: SimulatedNode, container: string) => {
    const carryOut = () => {
      if (!node.isUp) return;
      if (node.isEngineSilent) return later(200, 400, carryOut);
      if (alone.abandon(node, container)) return;
      node.running.delete(container);
      report(node, { kind: 'stopped', session: node.session, container, exitCode: 0 });
    };
    later(10, 200, carryOut);
  };

  const beat = (node: SimulatedNode) => {
    if (node.isUp && isReached(node)) {
      node.takenAtMs = nowMs;
      if (isLogAway) node.aloneUntilMs = nowMs + aloneLeaseMs;
      const known = view.nodes.get(node.id);
      const entry = heard.get(node.id);
      if (node.session !== null && known?.state === 'ready' && known.session === node.session && entry)
        Object.assign(entry, { sinceMs: nowMs, atMs: nowMs, isNoticed: false });
      else if (nowMs >= (node.refusedUntilMs ?? 0) && !node.isEngineSilent) register(node);
    }
    later(1_000, 1_000, () => beat(node));
  };

  const addAgent = (name: string, id: string) => {
    const node: SimulatedNode = {
      ...{ id, machine: name, instance: nextInstance(), challengedAtMs: null, refusedUntilMs: null },
      ...{
        isUp: true,
        isConnected: true,
        isUnresponsive: false,
        isEngineSilent: false,
        isBroken: false,
        session: null,
        running: new Map(),
        started: new Set(),
        takenAtMs: Number.NEGATIVE_INFINITY,
        aloneUntilMs: 0,
        chains: new Map(),
      },
    };
    nodes.set(name, node);
    beat(node);
  };

  const advance = (ms: number) => {
    const endMs = nowMs + ms;
    for (;;) {
      timers.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
      const next = timers[0];
      const tickMs = nowMs + 250;
      const dueMs = Math.min(next?.atMs ?? tickMs, tickMs);
      if (dueMs > endMs) break;
      nowMs = Math.max(nowMs, dueMs);
      if (next && next.atMs <= nowMs) {
        timers.shift();
        next.run();
      }
      reconcile();
      const broken = options.hasInventedReports
        ? null
        : explainDoubleRun({ view, nodes: nodes.values(), nowMs }, orphans, { nodeTimeoutMs, orphanMaxMs });
      ok(broken === null, `seed ${seed}, position ${view.position}: ${broken}\n${spoken.slice(-20).join('\n')}`);
    }
    nowMs = endMs;
  };

  /** No manager decides meanwhile, and every node gets a fresh grace period after it. */
  const standStill = (ms: number) => {
    isLeaderless = true;
    advance(ms);
    isLeaderless = false;
    grace();
  };

  return {
    view,
    events,
    nodes,
    nowMs: () => nowMs,
    random,
    pick: (items) => items[Math.floor(random() * items.length)]!,
    write: append,
    grace,
    append(newEvents, expect) {
      const isWritten = append(newEvents, expect);
      reconcile();
      return isWritten;
    },
    addNode: (id) => addAgent(id, id),
    addTwin: addAgent,
    crash(id) {
      const node = nodes.get(id)!;
      node.isUp = false;
      node.running.clear();
      node.chains.clear();
      node.isEngineSilent = false;
    },
    hangEngine(id) {
      const node = nodes.get(id)!;
      if (!node.isUp || node.isEngineSilent) return;
      node.isEngineSilent = true;
      reportEngine(node);
    },
    wakeEngine(id) {
      const node = nodes.get(id)!;
      if (!node.isEngineSilent) return;
      node.isEngineSilent = false;
      reportEngine(node);
    },
    restartAgent(id) {
      const node = nodes.get(id)!;
      if (node.isUp) renew(node);
    },
    partition(id) {
      nodes.get(id)!.isConnected = false;
    },
    bringBack(id) {
      const node = nodes.get(id)!;
      if (!node.isUp) renew(node);
      node.isUp = true;
      node.isConnected = true;
    },
    killContainer(id, container) {
      const node = nodes.get(id)!;
      if (node.running.get(container)?.state !== 'running' || node.isEngineSilent) return;
      alone.ended(node, container, failed(node.session, container, 'exited'));
    },
    advance,
    pause: standStill,
    loseBroker(ms, meanwhile) {
      isBrokerAway = true;
      standStill(ms / 2);
      meanwhile();
      standStill(ms / 2);
      isBrokerAway = false;
    },
    loseLog(ms, meanwhile) {
      isLogAway = true;
      standStill(ms / 2);
      meanwhile();
      standStill(ms / 2);
      isLogAway = false;
    },
    noticeAlone(id) {
      const node = nodes.get(id)!;
      if (node.isUp && isReached(node)) node.aloneUntilMs = nowMs + aloneLeaseMs;
    },
    tail: () => spoken.slice(-60).join('\n'),
  };
}

const running = (session: number | null, container: string) => ({
  kind: 'running',
  session,
  container,
  engineContainerId: 'x',
  startedAt: '2026-01-01T00:00:00.000Z',
  ports: [],
});

const failed = (session: number | null, container: string, reason: string) => ({
  kind: 'failed',
  session,
  container,
  reason,
  message: 'as the test asked',
  exitCode: 1,
  logTail: [],
});

/** Containers of a service that are neither ended nor asked to stop. */
export function countWanted(view: ClusterView): Map<string, number> {
  const wanted = new Map<string, number>();
  for (const { service, state } of view.containers.values()) {
    if (['in queue', 'starting', 'running'].includes(state)) wanted.set(service, (wanted.get(service) ?? 0) + 1);
  }
  return wanted;
}

/** No ContainerQueued raises a service's wanted containers above replicas + surge. */
function checkSurge(view: ClusterView, event: LogEvent): void {
  if (event.type !== ('ContainerQueued' satisfies EventType)) return;
  const service = view.services.get(event.data.service)!;
  if (service.job) {
    checkRun(view, service, service.job);
    return;
  }
  if (service.nodeOfSlot) {
    const nodes = [...service.perNode];
    ok(
      nodes.every(([, count]) => count === 1),
      `position ${event.position}: one container of ${service.name} a node, not ${JSON.stringify(nodes)}`,
    );
    return;
  }
  const wanted = countWanted(view).get(service.name) ?? 0;
  const bound = service.replicas + parallelismOf(service);
  ok(wanted <= bound, `position ${event.position}: ${wanted} containers of ${service.name} wanted, ${bound} allowed`);
}

/** At no time has a run more containers than it may have at once, nor one that has enough. */
function checkRun(view: ClusterView, { name, slots, policy }: ServiceView, job: JobView): void {
  for (const run of runningRuns(job)) {
    const own = [...slots.values()].filter(({ slot }) => isOfRun(run, slot));
    const live = own.reduce((sum, { containers }) => sum + containers.size, 0);
    const { parallelism } = policy.job!;
    ok(live <= parallelism, `position ${view.position}: ${live} containers of run ${run.run} of ${name} at once`);
    const done = own.filter(({ done }) => done !== null);
    ok(
      done.every(({ containers }) => containers.size === 0),
      `position ${view.position}: ${name} runs what is done`,
    );
  }
}

/** The live view is the fold of what was written. */
export function assertReplayEqualsLive(cluster: SimulatedCluster): void {
  const replayed = emptyClusterView();
  for (const event of cluster.events) evolve(replayed, event);
  deepStrictEqual(replayed, cluster.view);
}

/** A small seeded generator (mulberry32): the same seed gives the same history on every machine. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
