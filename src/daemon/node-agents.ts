/**
 * The agents of this process: which engine they use, one agent for each node, their start and their end. Workers
 * beside a manager share one machine, so they share its engine and how many containers it starts at once.
 */

import { hostname } from 'node:os';
import { type Agent, createAgent } from '../agent/agent.ts';
import { createStartLimiter } from '../agent/containers/start-limiter.ts';
import { createDockerEngine } from '../agent/docker/docker-engine.ts';
import { readDockerTls } from '../agent/docker/docker-tls.ts';
import type { Engine, EngineScope } from '../agent/engine/engine.ts';
import { describeTaken } from '../agent/session.ts';
import { createSimulatedMachine } from '../agent/simulated/simulated-engine.ts';
import type { AgentBus } from '../bus/bus.ts';
import { systemClock } from '../clock.ts';
import { AppError, errorMessage, hasCode } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { createClosing } from '../process/shutdown.ts';
import type { ClientTls } from '../tls/client-tls.ts';
import type { Config } from './config.ts';
import { readVersion } from './version.ts';

export type NodeAgents = {
  /** What runs the containers, in a sentence for people. */
  engine: string;
  /**
   * Resolves when all nodes are ready; reports each as it becomes so. Never settles when it is closed before.
   * @throws AppError `agents_not_ready` (retryable) after 30 s, naming the nodes and what they wait for; they go on
   *   trying and are still reported as they become ready
   */
  start(onReady: (node: string) => void): Promise<void>;
  /**
   * A node falls silent at once, as if its machine had lost its network: no goodbye, no last report, nothing obeyed.
   * Its containers stay as they are on the engine. Resolves when its agent is gone.
   */
  cutOff(node: string): Promise<void>;
  /**
   * A new agent for a node that was cut off; nothing for another. Resolves when it is ready.
   * @throws AppError `agents_not_ready` (retryable), as `start` does
   */
  bringBack(node: string): Promise<void>;
  /** Within 4 s, or what it is given, also while broker or engine are away; containers keep running. */
  close(options?: { withinMs?: number }): Promise<void>;
};

export type NodeAgentsDeps = {
  cluster: { id: string; name: string };
  busOf: (node: string) => AgentBus;
  logger: Logger;
};

const closeDeadlineMs = 4_000;
/** A broker and a manager that start at the same time need some of it. */
const readyDeadlineMs = 30_000;

/** The nodes this process is the agent of: the one it is given, or worker-1 … worker-n. */
export function nodesOf({ node, workers }: Pick<Config, 'node' | 'workers'>): string[] {
  return node === null ? Array.from({ length: workers }, (_, index) => `worker-${index + 1}`) : [node];
}

type Machine = { sentence: string; engineOf(node: string): Engine };

export async function createNodeAgents(config: Config, deps: NodeAgentsDeps): Promise<NodeAgents> {
  const { cluster, busOf, logger } = deps;
  const machine = await chooseMachine(config, deps);
  const parallelStarts = createStartLimiter();
  const agentVersion = readVersion();
  const closing = new AbortController();
  const open = (node: string): Member => {
    const [engine, bus] = [machine.engineOf(node), busOf(node)];
    const agent = createAgent(
      { engine, bus, clock: systemClock, logger, parallelStarts },
      {
        clusterId: cluster.id,
        node,
        secretsDir: config.secretsDir,
        hostAccess: config.hostAccess,
        heartbeatMs: config.heartbeatMs,
        engineTimeoutMs: config.engineTimeoutMs,
        hostname: hostname(),
        labels: config.nodeLabels,
        agentVersion,
      },
    );
    return { node, engine, bus, agent };
  };
  const members = new Map(nodesOf(config).map((node) => [node, open(node)]));
  return {
    engine: machine.sentence,
    start: (onReady) => startAll([...members.values()], onReady, closing.signal),
    async cutOff(node) {
      const member = members.get(node);
      members.delete(node);
      if (member) await cutOff(member);
    },
    async bringBack(node) {
      if (members.has(node)) return;
      const member = open(node);
      members.set(node, member);
      await startAll([member], () => {}, closing.signal);
    },
    async close({ withinMs = closeDeadlineMs } = {}) {
      closing.abort();
      await Promise.all([...members.values()].map((member) => closeMember(member, { withinMs, logger })));
    },
  };
}

type Member = { node: string; engine: Engine; bus: AgentBus; agent: Agent };

async function closeMember(
  { node, agent, bus, engine }: Member,
  { withinMs, logger }: { withinMs: number; logger: Logger },
): Promise<void> {
  const closing = createClosing(['agent', 'bus', 'engine'], { logger: logger.child({ node }) });
  closing.add('agent', 'agent', () => agent.close());
  closing.add('bus', 'bus', () => bus.close());
  closing.add('engine', 'engine', () => engine.close());
  await closing.close(withinMs);
}

/** The bus goes first: a closed end takes no message from now on, so what the agent would still report is lost. */
async function cutOff({ agent, bus, engine }: Member): Promise<void> {
  await Promise.all([bus.close(), agent.close()]);
  await engine.close();
}

async function startAll(
  members: readonly Member[],
  onReady: (node: string) => void,
  closing: AbortSignal,
): Promise<void> {
  const { promise: deadline, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(async () => reject(await notReady(members)), readyDeadlineMs);
  closing.addEventListener('abort', () => clearTimeout(timer), { once: true });
  const start = async ({ agent, node }: Member) => {
    await agent.start();
    onReady(node);
  };
  try {
    await Promise.race([Promise.all(members.map(start)), deadline]);
  } finally {
    clearTimeout(timer);
  }
}

async function notReady(members: readonly Member[]): Promise<AppError> {
  const waiting = members.filter(({ agent }) => agent.session() === null);
  const [first] = waiting;
  const why = first ? await whyNotReady(first) : 'it took too long';
  const nodes = waiting.map(({ node }) => node).join(', ');
  const message = `not ready after ${readyDeadlineMs / 1000} s: ${nodes} (${why})`;
  return new AppError('agents_not_ready', message, { retryable: true });
}

async function whyNotReady({ node, agent, bus, engine }: Member): Promise<string> {
  const holder = agent.holder();
  if (holder) return describeTaken(node, holder);
  const { state, trouble, description } = bus.status();
  if (state !== 'connected') return `the bus ${description} is not connected: ${trouble ?? state}`;
  try {
    await engine.ping();
    return 'no manager answered the registration';
  } catch (error) {
    return errorMessage(error);
  }
}

async function chooseMachine(config: Config, deps: NodeAgentsDeps): Promise<Machine> {
  const { engine: choice, dockerAddress } = config;
  if (choice === 'simulated') return simulatedMachine(deps);
  const tls = await readDockerTls(config.dockerCertPath, systemClock.nowMs());
  const at = { dockerAddress, tls };
  const version = await askDocker(at, deps);
  if (version !== null) return dockerMachine(at, deps, `docker ${version} at ${dockerAddress}`);
  if (choice === 'docker') return dockerMachine(at, deps, `docker at ${dockerAddress}, which does not answer yet`);
  deps.logger.warn({ dockerAddress }, 'no Docker Engine answers');
  return simulatedMachine(deps);
}

/** Its version; null when no engine answers there. */
async function askDocker(at: DockerAt, deps: NodeAgentsDeps): Promise<string | null> {
  const engine = dockerMachine(at, deps, '').engineOf('none');
  try {
    await engine.ping();
    return (await engine.describe()).version;
  } catch (error) {
    if (!hasCode(error, 'engine_unavailable')) throw error;
    deps.logger.debug({ err: error }, 'the Docker Engine does not answer');
    return null;
  } finally {
    await engine.close();
  }
}

type DockerAt = { dockerAddress: string; tls: ClientTls | null };

function dockerMachine({ dockerAddress, tls }: DockerAt, deps: NodeAgentsDeps, sentence: string): Machine {
  const { cluster, logger } = deps;
  const engineOf = (node: string) =>
    createDockerEngine({ clock: systemClock, logger }, { scope: scopeOf(cluster, node), address: dockerAddress, tls });
  return { sentence, engineOf };
}

function simulatedMachine({ cluster, logger }: NodeAgentsDeps): Machine {
  logger.warn({}, 'the engine is SIMULATED: no container runs');
  const machine = createSimulatedMachine({ clock: systemClock }, { engineId: `simulated-${hostname()}` });
  return { sentence: 'SIMULATED: no container runs', engineOf: (node) => machine.engine(scopeOf(cluster, node)) };
}

const scopeOf = ({ id, name }: NodeAgentsDeps['cluster'], node: string): EngineScope => ({
  clusterId: id,
  clusterName: name,
  node,
});
