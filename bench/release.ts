/**
 * Measures releases beside Docker Swarm on the same engine, with the same image, check and parallelism: how many keep
 * running and how long it takes to say so when a version fails, and how long a version that works takes. Needs a Docker
 * Engine that is in no swarm.
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import Docker from 'dockerode';
import { createApi } from '../test/support/cluster/api.ts';
import { startCluster } from '../test/support/cluster/cluster.ts';
import { ensureTestImage, testImage } from '../test/support/servers/images.ts';
import type { BenchRow } from './table.ts';

const badReplicas = 8;
const goodReplicas = 30;
const goodParallelism = 5;
const checkEverySeconds = 1;
/** Swarm watches a new task for so long; ours takes its own default. */
const monitorSeconds = 5;
const shareOfSwarmMax = 0.8;
const pollMs = 50;
const deadlineMs = 180_000;
const nanosPerSecond = 1e9;

type Bad = { fewest: number; saidAfterMs: number };
type Measured = { bad: Bad; goodMs: number };

export async function benchRelease(): Promise<BenchRow[]> {
  const socketPath = process.env.CO_TEST_DOCKER_SOCKET ?? '/var/run/docker.sock';
  await ensureTestImage(socketPath);
  const ours = await measureOurs(socketPath);
  const swarm = await measureSwarm(new Docker({ socketPath }));
  const share = ours.goodMs / swarm.goodMs;
  const describe = ({ bad }: Measured) => `${bad.fewest} of ${badReplicas}, ${(bad.saidAfterMs / 1000).toFixed(1)} s`;
  return [
    {
      name: 'a version that fails: least that run, and time until it says so',
      value: `${describe(ours)} (Swarm: ${describe(swarm)})`,
      ratio: ours.bad.saidAfterMs / swarm.bad.saidAfterMs,
      target: `${badReplicas} of ${badReplicas}, ≤ 5 s`,
      met: ours.bad.fewest >= badReplicas && ours.bad.saidAfterMs <= 5_000,
    },
    {
      name: `a version that works: ${goodReplicas} replicas, ${goodParallelism} at a time`,
      value: `${(ours.goodMs / 1000).toFixed(1)} s (Swarm: ${(swarm.goodMs / 1000).toFixed(1)} s)`,
      ratio: share,
      target: `≤ ${shareOfSwarmMax}`,
      met: share <= shareOfSwarmMax,
    },
  ];
}

/** Milliseconds until it is so. */
async function timeUntil(what: string, isSo: () => Promise<boolean>): Promise<number> {
  const startedMs = performance.now();
  while (!(await isSo())) {
    if (performance.now() - startedMs > deadlineMs) throw new Error(`${what} took longer than ${deadlineMs} ms`);
    await pause(pollMs);
  }
  return performance.now() - startedMs;
}

async function measureOurs(socketPath: string): Promise<Measured> {
  const dataDir = await mkdtemp(join(tmpdir(), 'co-bench-'));
  const cluster = await startCluster({ dataDir, engine: 'docker', socketPath, workers: 5 });
  try {
    const api = createApi(cluster.url);
    const release = async (serviceName: string, replicas: number, parallelism: number, command: string[]) => {
      const { status, text } = await api.call('POST', '/service', {
        services: [
          {
            ...{ serviceName, replicas, update: { parallelism, order: 'start-first' } },
            health: { command: ['true'], intervalSeconds: checkEverySeconds },
            container: { image: testImage, command, stopTimeoutSeconds: 1 },
          },
        ],
      });
      if (status !== 202) throw new Error(text);
    };
    await release('good', goodReplicas, goodParallelism, ['sleep', '3600']);
    await api.converged('good', deadlineMs);
    await release('good', goodReplicas, goodParallelism, ['sleep', '3601']);
    const goodMs = await timeUntil('the rollout', async () => {
      return (await api.service('good'))?.rollout?.state === 'completed';
    });
    await release('bad', badReplicas, 1, ['sleep', '3600']);
    await api.converged('bad', deadlineMs);
    await release('bad', badReplicas, 1, ['sh', '-c', 'sleep 1; exit 1']);
    let fewest = Number.POSITIVE_INFINITY;
    const saidAfterMs = await timeUntil('the pause', async () => {
      const found = await api.service('bad');
      fewest = Math.min(fewest, found?.running ?? 0);
      return found?.status === 'paused';
    });
    return { bad: { fewest, saidAfterMs }, goodMs };
  } finally {
    await cluster.purge();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function measureSwarm(docker: Docker): Promise<Measured> {
  await docker.swarmInit({ ListenAddr: '127.0.0.1:2377', AdvertiseAddr: '127.0.0.1' });
  try {
    const specOf = (name: string, replicas: number, parallelism: number, command: string[]) => ({
      Name: name,
      Mode: { Replicated: { Replicas: replicas } },
      TaskTemplate: {
        ContainerSpec: {
          Image: testImage,
          Command: command,
          Init: true,
          StopGracePeriod: nanosPerSecond,
          Healthcheck: { Test: ['CMD', 'true'], Interval: checkEverySeconds * nanosPerSecond },
        },
      },
      UpdateConfig: {
        ...{ Parallelism: parallelism, Monitor: monitorSeconds * nanosPerSecond },
        ...{ FailureAction: 'pause', Order: 'start-first' },
      },
    });
    const running = async (name: string) => {
      const tasks = (await docker.listTasks({ filters: { service: [name] } })) as { Status: { State: string } }[];
      return tasks.filter(({ Status }) => Status.State === 'running').length;
    };
    const stateOf = async (name: string) => {
      const { UpdateStatus } = (await docker.getService(name).inspect()) as { UpdateStatus?: { State?: string } };
      return UpdateStatus?.State;
    };
    const update = async (name: string, replicas: number, parallelism: number, command: string[]) => {
      const service = docker.getService(name);
      const { Version } = (await service.inspect()) as { Version: { Index: number } };
      await service.update({ version: Version.Index, ...specOf(name, replicas, parallelism, command) });
    };
    await docker.createService(specOf('good', goodReplicas, goodParallelism, ['sleep', '3600']));
    await timeUntil('the start', async () => (await running('good')) === goodReplicas);
    await update('good', goodReplicas, goodParallelism, ['sleep', '3601']);
    const goodMs = await timeUntil('the update', async () => (await stateOf('good')) === 'completed');
    await docker.createService(specOf('bad', badReplicas, 1, ['sleep', '3600']));
    await timeUntil('the start', async () => (await running('bad')) === badReplicas);
    await update('bad', badReplicas, 1, ['sh', '-c', 'sleep 1; exit 1']);
    let fewest = Number.POSITIVE_INFINITY;
    const saidAfterMs = await timeUntil('the pause', async () => {
      fewest = Math.min(fewest, await running('bad'));
      return (await stateOf('bad')) === 'paused';
    });
    return { bad: { fewest, saidAfterMs }, goodMs };
  } finally {
    await docker.swarmLeave({ force: true });
  }
}
