/**
 * An agent under test with a manager's side of the conversation: a few lines that fold reports like the log does
 * and answer like the dispatcher, and that a test can make slow, forgetful or wrong.
 */

import { randomUUID } from 'node:crypto';
import { type Agent, type AgentOptions, createAgent } from '../../../src/agent/agent.ts';
import { createStartLimiter, type StartLimiter } from '../../../src/agent/containers/start-limiter.ts';
import type { Engine, EngineScope } from '../../../src/agent/engine/engine.ts';
import { createSimulatedMachine, type SimulatedMachine } from '../../../src/agent/simulated/simulated-engine.ts';
import type { AgentBus } from '../../../src/bus/bus.ts';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../../src/bus/embedded/embedded-bus.ts';
import type {
  ContainerReport,
  Heartbeat,
  RegisterReport,
  Report,
  ReportOf,
  RestartRule,
  WantedContainer,
} from '../../../src/bus/messages.ts';
import { systemClock } from '../../../src/clock.ts';
import { silentLogger } from '../../../src/logger.ts';
import type { ContainerState } from '../../../src/model/container.ts';
import { rankOf } from '../../../src/model/container-machine.ts';
import { noHostAccess } from '../../../src/model/host-access.ts';
import type { ContainerSpec } from '../../../src/model/service.ts';
import { spec, specHashOf } from '../log/history.ts';
import { until } from '../wait.ts';
import { createFaultyLink } from './faulty-link.ts';

const node = 'worker-1';
/** Of the managers. */
export const nodeTimeoutMs = 1_500;

type ExitReport = ReportOf<'failed' | 'stopped' | 'completed'>;

/** The log, as far as an agent can tell. */
export type ManagerDouble = {
  reports: Report[];
  heartbeats: Heartbeat[];
  /** Not terminal in the log. */
  wanted: Map<string, WantedContainer>;
  session(): number;
  position(): number;
  /** By which the agent restarts what ends while it is alone; null: it does not. */
  restart: RestartRule | null;
  /** Registrations are folded but not answered while this is false. */
  isAnswering: boolean;
  /** Writes ContainerQueued; the command goes out unless reported otherwise. Returns the container's id. */
  queue(members?: Partial<ContainerSpec>, options?: { isSent?: boolean }): Promise<string>;
  /** Writes ContainerStopRequested and sends the command. */
  requestStop(container: string): Promise<void>;
  /** Sends a start again, or as of another session or position. */
  sendStart(container: string, changes: { session?: number; position?: number }): Promise<void>;
  sendStop(container: string, changes: { session?: number; position?: number }): Promise<void>;
  sendRemove(container: string): Promise<void>;
  /** That the log is away. */
  sendAlone(leaseMs: number): Promise<void>;
  /** The wanted set that answers no registration. */
  sendWanted(registrationId?: string | null): Promise<void>;
  /** To whoever reads, unless it is reported whom. */
  sendResync(instanceId?: string): Promise<void>;
  sendChallenge(instanceId: string): Promise<void>;
  /** That the node is another's, in answer to a registration. */
  sendRefusal(report: RegisterReport): Promise<void>;
  /** Writes the container's end without the agent: it is wanted no more. */
  giveUpOn(container: string): void;
};

function createManagerDouble(broker: EmbeddedBroker, clusterId: string): ManagerDouble {
  const bus = broker.manager('m1');
  const wanted = new Map<string, WantedContainer>();
  const specs = new Map<string, ContainerSpec>();
  let position = 1;
  let session = 0;
  let slot = 0;

  const fact = () => {
    position += 1;
    return { causationId: `fact-${position}`, position };
  };

  const fold = (report: Report) => {
    manager.reports.push(report);
    if (report.kind === 'register') {
      session = fact().position;
      return manager.isAnswering ? manager.sendWanted(report.registrationId) : undefined;
    }
    if (report.kind === 'restarted') return foldRestarted(report);
    if (!('container' in report)) return;
    const container = wanted.get(report.container);
    const state = stateOf(report);
    if (!container || !state || rankOf(state) <= rankOf(container.state)) return;
    Object.assign(container, { state, causationId: fact().causationId });
    if (isEnding(report)) wanted.delete(report.container);
  };

  /** What was started in place of one that is not asked to stop is wanted in its place; other is removed. */
  const foldRestarted = async ({ runs, session: of }: ReportOf<'restarted'>) => {
    if (of !== session) return;
    for (const [index, { container }] of runs.entries()) {
      const last = wanted.get(runs[index - 1]?.container ?? '');
      if (!last || last.state === 'stopping') continue;
      const { causationId } = fact();
      wanted.delete(last.container);
      const { state: _, causationId: __, ...run } = { ...last, container };
      wanted.set(container, { ...run, state: 'running', causationId });
      await bus.sendCommand({ kind: 'start', ...head({}), ...run, spec: specs.get(run.specHash)!, ...ruleMember() });
    }
    const { container } = runs.at(-1)!;
    if (!wanted.has(container)) await manager.sendRemove(container);
  };
  const ruleMember = () => (manager.restart ? { restart: manager.restart } : {});

  const head = (changes: { session?: number; position?: number }) => {
    return { clusterId, node, session, position, causationId: `fact-${position}`, ...changes };
  };

  const manager: ManagerDouble = {
    reports: [],
    heartbeats: [],
    wanted,
    session: () => session,
    position: () => position,
    restart: null,
    isAnswering: true,
    async queue(members = {}, { isSent = true } = {}) {
      const { position, causationId } = fact();
      slot += 1;
      const container = `web.${slot}-${position.toString(36)}`;
      const requested = spec(members);
      const run = { container, service: 'web', slot, generation: 1, specHash: specHashOf(requested) };
      specs.set(run.specHash, requested);
      wanted.set(container, { ...run, state: 'in queue', causationId });
      if (isSent) await bus.sendCommand({ kind: 'start', ...head({}), ...run, spec: requested, ...ruleMember() });
      return container;
    },
    async requestStop(container) {
      const { causationId } = fact();
      Object.assign(wanted.get(container)!, { state: 'stopping', causationId });
      await manager.sendStop(container, {});
    },
    async sendStart(container, changes) {
      const { state: _, causationId: __, ...run } = wanted.get(container)!;
      await bus.sendCommand({ kind: 'start', ...head(changes), ...run, spec: specs.get(run.specHash)! });
    },
    async sendStop(container, changes) {
      await bus.sendCommand({ kind: 'stop', ...head(changes), container, stopTimeoutSeconds: 2 });
    },
    async sendRemove(container) {
      fact();
      await bus.sendCommand({ kind: 'remove', ...head({}), causationId: '', container });
    },
    async sendAlone(leaseMs) {
      await bus.sendCommand({ kind: 'alone', clusterId, node, leaseMs });
    },
    async sendWanted(registrationId = null) {
      const containers = structuredClone([...wanted.values()]);
      const all = Array.from(specs, ([specHash, spec]) => ({ specHash, spec }));
      const restarts = manager.restart ? { restarts: [{ service: 'web', ...manager.restart }] } : {};
      const set = { registrationId, containers, specs: all, ...restarts, nodeTimeoutMs };
      await bus.sendCommand({ kind: 'wanted', ...head({}), ...set });
    },
    async sendResync(instanceId) {
      await bus.sendCommand({ kind: 'resync', clusterId, node, ...(instanceId === undefined ? {} : { instanceId }) });
    },
    async sendChallenge(instanceId) {
      await bus.sendCommand({ kind: 'challenge', clusterId, node, instanceId, hostname: 'elsewhere' });
    },
    async sendRefusal({ registrationId, instance }) {
      const holder = { hostname: 'elsewhere', instance: { ...instance!, id: randomUUID() } };
      await bus.sendRefusal({ clusterId, node, instanceId: instance!.id, registrationId, holder });
    },
    giveUpOn(container) {
      fact();
      wanted.delete(container);
    },
  };
  bus.consumeReports(async (report) => {
    await fold(report);
    return 'ack';
  });
  bus.consumeHeartbeats((heartbeat) => manager.heartbeats.push(heartbeat));
  return manager;
}

function stateOf({ kind }: ContainerReport): ContainerState | null {
  const isOfState = !['stale-removed', 'pull-progress', 'healthy', 'unhealthy', 'image', 'restarted'].includes(kind);
  return isOfState ? (kind as ContainerState) : null;
}

export const isEnding = (report: Report): report is ExitReport =>
  report.kind === 'failed' || report.kind === 'stopped' || report.kind === 'completed';

/** What is reported of a container, in order. */
export const reported = ({ reports }: ManagerDouble, container: string) =>
  reports.filter((report) => 'container' in report && report.container === container) as ContainerReport[];

export const kindsReported = (manager: ManagerDouble, container: string) =>
  reported(manager, container).map(({ kind }) => kind);

export const untilReported = <K extends ContainerReport['kind']>(manager: ManagerDouble, container: string, kind: K) =>
  until(`${container}: ${kind}`, () => reported(manager, container).find((report) => report.kind === kind)) as Promise<
    ReportOf<K>
  >;

export type AgentScene = {
  clusterId: string;
  machine: SimulatedMachine;
  manager: ManagerDouble;
  /** What the engine has, seen by nobody's agent. */
  engine: Engine;
  /** A handle for an agent, to be changed by the test and given to it. */
  openEngine(): Engine;
  /** Starts an agent of the node; the one before has to be closed. Resolves when it is ready, unless reported otherwise. */
  startAgent(options?: Partial<AgentOptions> & { engine?: Engine; isAwaited?: boolean }): Promise<Agent>;
  /** While away, every report is refused and no heartbeat arrives; connected again, agents hear of it. */
  setBusAway(isAway: boolean): void;
  close(): Promise<void>;
};

export type SceneOptions = {
  machine?: SimulatedMachine;
  /** The engine of the node, when it is not the simulated machine's. */
  engineOf?: (scope: EngineScope) => Engine;
  parallelStarts?: StartLimiter;
};

/** Fast enough for tests that wait, slow enough to be reported apart. */
const quick = { heartbeatMs: 20, pingMs: 20, resyncMs: 60_000, engineTimeoutMs: 60_000 };

export function createAgentScene(options: SceneOptions = {}): AgentScene {
  const clusterId = randomUUID();
  const scope = { clusterId, clusterName: 'test', node };
  const broker = createEmbeddedBroker({ clusterId, logger: silentLogger });
  const { machine = createSimulatedMachine({ clock: systemClock }), parallelStarts = createStartLimiter() } = options;
  const engineOf = options.engineOf ?? machine.engine;
  const agents = new Set<{ agent: Agent; bus: AgentBus; engine: Engine }>();

  const link = createFaultyLink();

  const observer = engineOf(scope);
  return {
    clusterId,
    machine,
    manager: createManagerDouble(broker, clusterId),
    engine: observer,
    openEngine: () => engineOf(scope),
    async startAgent({ engine = engineOf(scope), isAwaited = true, ...changes } = {}) {
      const bus = broker.agent(node);
      const agent = createAgent(
        { engine, bus: link.through(bus), clock: systemClock, logger: silentLogger, parallelStarts },
        {
          ...{
            clusterId,
            node,
            secretsDir: null,
            hostAccess: noHostAccess,
            hostname: 'test',
            labels: [],
            agentVersion: '0',
          },
          ...quick,
          ...changes,
        },
      );
      const entry = { agent, bus, engine };
      agents.add(entry);
      const started = agent.start();
      if (isAwaited) await started;
      const close = async () => {
        agents.delete(entry);
        await agent.close();
        await bus.close();
        await engine.close();
      };
      return { ...agent, close };
    },
    setBusAway: link.setAway,
    async close() {
      for (const { agent, bus, engine } of agents) {
        await agent.close();
        await bus.close();
        await engine.close();
      }
      await observer.close();
      await broker.close();
    },
  };
}
