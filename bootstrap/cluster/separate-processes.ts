/**
 * A cluster of separate processes on this machine: one manager on MongoDB and RabbitMQ, and an agent for each
 * worker on RabbitMQ alone. Decides nothing about the cluster; asks its HTTP API when it is ready.
 */

import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from '../../src/daemon/config.ts';
import type { DataFolder } from '../../src/daemon/data-folder.ts';
import { type NodeAgents, nodesOf } from '../../src/daemon/node-agents.ts';
import type { Announcement } from '../../src/daemon/roles.ts';
import { AppError } from '../../src/errors.ts';
import type { Life, Running } from '../../src/process/lifecycle.ts';
import { type Child, startChild } from './child.ts';

export type SeparateProcesses = {
  config: Config;
  folder: DataFolder;
  /** What each process reads its configuration from. */
  environment: NodeJS.ProcessEnv;
  engine: 'docker' | 'simulated';
  /** Takes the lines of every process's log. */
  log: (line: string) => void;
};

export type LocalProcesses = Running & { url: string; agents: Pick<NodeAgents, 'cutOff' | 'bringBack'> };

type Manager = Extract<Announcement, { kind: 'serves' }>;

/** Variables an agent must not know: it has no database and no API. */
const managersOnly = {
  ...{ CO_MONGODB_URL: undefined, CO_TOKENS_FILE: undefined, CO_SECRETS_KEY_FILE: undefined },
  ...{ CO_HOST: undefined, CO_PORT: undefined },
};
/** As long as `createNodeAgents` gives its own. */
const readyDeadlineMs = 30_000;
const askEveryMs = 200;
const askTimeoutMs = 5_000;

export async function runSeparateProcesses(cluster: SeparateProcesses, life: Life): Promise<LocalProcesses> {
  const { config, folder, engine } = cluster;
  const children = new Map<string, Child>();
  const close = async () => void (await Promise.all([...children.values()].map((child) => child.stop())));
  // What is started from here on hears no `close` of ours when the start is given up.
  try {
    const manager = await startManager(cluster, life, children);
    await folder.note({
      cluster: config.cluster,
      clusterId: manager.clusterId,
      docker: engine === 'docker' ? config.dockerAddress : null,
    });
    const nodes = nodesOf({ ...config, node: null });
    for (const node of nodes) children.set(node, startAgent(node, manager, cluster, { ...life, onReady() {} }));
    await waitForNodes(manager.url, nodes, config, life.signal);
    return { url: manager.url, agents: agentsOf(children, manager, cluster, life), close };
  } catch (error) {
    await close();
    throw error;
  }
}

function agentsOf(children: Map<string, Child>, manager: Manager, cluster: SeparateProcesses, life: Life) {
  return {
    async cutOff(node: string) {
      await children.get(node)?.kill();
    },
    async bringBack(node: string) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const message = `not ready after ${readyDeadlineMs / 1000} s: ${node}, see what it says`;
      const late = new AppError('agents_not_ready', message, { retryable: true });
      const timer = setTimeout(reject, readyDeadlineMs, late);
      children.set(node, startAgent(node, manager, cluster, { print: life.print, fail: reject, onReady: resolve }));
      await promise.finally(() => clearTimeout(timer));
    },
  };
}

function startManager(
  cluster: SeparateProcesses,
  { print, fail, signal }: Life,
  children: Map<string, Child>,
): Promise<Manager> {
  const serves = Promise.withResolvers<Manager>();
  const environment = { ...cluster.environment };
  signal.addEventListener('abort', () => serves.reject(signal.reason), { once: true });
  const child = startChild({
    name: 'manager',
    command: 'manager',
    environment: () => environment,
    print,
    log: cluster.log,
    onFailure(error) {
      serves.reject(error);
      fail(error);
    },
    onAnnouncement(announcement) {
      if (announcement.kind !== 'serves') return;
      // When it has to be started again, it is where it was.
      environment.CO_PORT = new URL(announcement.url).port;
      serves.resolve(announcement);
    },
  });
  children.set('manager', child);
  return serves.promise;
}

type AgentLife = Pick<Life, 'print' | 'fail'> & { onReady: () => void };

function startAgent(node: string, { clusterId }: Manager, cluster: SeparateProcesses, life: AgentLife): Child {
  const own = { CO_NODE: node, CO_CLUSTER_ID: clusterId };
  const environment = { ...cluster.environment, ...managersOnly, ...own };
  return startChild({
    name: node,
    command: 'agent',
    environment: () => environment,
    print: life.print,
    log: cluster.log,
    onFailure: life.fail,
    onAnnouncement: life.onReady,
  });
}

/** For as long as it takes: the agents log what they wait for. */
async function waitForNodes(url: string, nodes: string[], { tokens }: Config, signal: AbortSignal): Promise<void> {
  const [token] = tokens;
  const headers: Record<string, string> = token ? { authorization: `Bearer ${token.token}` } : {};
  for (;;) {
    const timeout = AbortSignal.any([signal, AbortSignal.timeout(askTimeoutMs)]);
    const ready = await readReadyNodes(`${url}/node_state?state=ready`, headers, timeout).catch(() => null);
    if (ready && nodes.every((node) => ready.has(node))) return;
    await pause(askEveryMs, undefined, { signal });
  }
}

async function readReadyNodes(url: string, headers: Record<string, string>, signal: AbortSignal): Promise<Set<string>> {
  const response = await fetch(url, { headers, signal });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const { nodes } = (await response.json()) as { nodes: { node: string }[] };
  return new Set(nodes.map(({ node }) => node));
}
