/** A cluster as an operator runs it: managers and agents as processes of their own, on MongoDB, RabbitMQ and Docker. */

import { randomUUID } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { agentPermissions, managerPermissions } from '../../../src/bus/topology.ts';
import type { ControlPlaneStatus } from '../../../src/http/response/status.ts';
import { labels } from '../../../src/model/naming.ts';
import type { StateBody } from '../../../src/projections/rows/state-bodies.ts';
import { mongodbUrl } from '../log/logs.ts';
import { dockerSocket, openDocker, removeContainersOf, whyNoDocker } from '../servers/docker.ts';
import { openRabbit, type Rabbit, whyNoRabbit } from '../servers/rabbit.ts';
import { type Api, createApi } from './api.ts';
import { type Program, startProgram } from './cluster.ts';

/** GET /state: the fold, and how the manager that answers stands. */
export type State = Omit<StateBody, 'log' | 'bus' | 'leader'> & Pick<ControlPlaneStatus, 'log' | 'bus' | 'leader'>;

export type DistributedCluster = Awaited<ReturnType<typeof openDistributedCluster>>;

/** null: it can run here. */
export async function whyNoDistributedCluster(): Promise<string | null> {
  const noMongo = mongodbUrl ? null : 'CO_TEST_MONGODB_URL is not set';
  return noMongo ?? (await whyNoRabbit()) ?? (await whyNoDocker());
}

/** Give the address under which every manager reaches MongoDB, and every agent the broker. */
export type Ways = { mongodb?: (url: string) => string; agents?: (amqpUrl: string) => string };

const straight = (url: string) => url;

/** The servers and their users; no manager and no agent yet. */
export async function openDistributedCluster(workers: readonly string[], ways: Ways = {}) {
  const { mongodb = straight, agents: toBroker = straight } = ways;
  const clusterId = randomUUID();
  const database = `co-test-${clusterId.slice(0, 8)}`;
  const docker = openDocker();
  const rabbit: Rabbit = await openRabbit();
  await rabbit.addUser(`${database}-manager`, managerPermissions);
  for (const node of workers) await rabbit.addUser(`${database}-${node}`, agentPermissions(node));
  const managers = new Map<string, { program: Program; api: Api }>();
  const agents = new Map<string, Program>();

  const spawnAgent = (node: string, more: readonly string[] = ['--docker', dockerSocket]): Program => {
    const options = ['--node', node, '--amqp', toBroker(rabbit.url(`${database}-${node}`)), '--cluster-id', clusterId];
    return startProgram(['agent', ...options, '--engine', 'docker', ...more]);
  };
  const apiOf = (name: string): Api => managers.get(name)!.api;

  return {
    ...{ clusterId, database, docker, rabbit, managers, agents, spawnAgent, apiOf },
    stateOf: (name: string) => apiOf(name).get<State>('/state'),
    /** @param through gives the address under which this manager reaches the broker */
    async startManager(name: string, through = straight, ...more: string[]): Promise<void> {
      const url = new URL(mongodb(mongodbUrl!));
      url.pathname = `/${database}`;
      const amqpUrl = through(rabbit.url(`${database}-manager`));
      const options = ['--mongodb', url.href, '--amqp', amqpUrl, '--port', '0', '--cluster-id', clusterId];
      const program = startProgram(['manager', ...options, ...more], { CO_LOG_LEVEL: 'info' });
      const served = await program.line('manager serves ');
      managers.set(name, { program, api: createApi(served.replace(/,.*/, '')) });
    },
    async startAgent(node: string, ...more: string[]): Promise<void> {
      const program = spawnAgent(node, more.length > 0 ? more : undefined);
      agents.set(node, program);
      await program.line(`${node} is ready`);
    },
    /** The service's running containers, as Docker has them. */
    async running(service: string): Promise<{ id: string; node: string; container: string }[]> {
      const filters = { label: [`${labels.clusterId}=${clusterId}`, `${labels.service}=${service}`] };
      const found = await docker.listContainers({ filters });
      return found.map(({ Id, Labels }) => ({
        id: Id,
        node: Labels[labels.node] ?? '',
        container: Labels[labels.container] ?? '',
      }));
    },
    async close(): Promise<void> {
      const programs = [...agents.values(), ...[...managers.values()].map(({ program }) => program)];
      await Promise.all(programs.map((program) => program.end()));
      await removeContainersOf(clusterId);
      const client = new MongoClient(mongodbUrl!);
      await client.db(database).dropDatabase();
      await client.close();
      await rabbit.remove();
    },
  };
}
