/**
 * Measures what orchestration costs over the bare engine: one container from POST to running, and 30 replicas at four
 * parallel starts. Both sides run the same image on the same engine in the same run; needs a Docker Engine.
 */

import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { startCluster } from '../test/support/cluster/cluster.ts';
import { type BenchRow, median } from './table.ts';

const image = 'co/hello:latest';
const replicas = 30;
const parallelStarts = 4;
const singles = 9;
const overheadMsMax = 100;
const rateShareMin = 0.95;
const rounds = 3;

export async function benchStart(): Promise<BenchRow[]> {
  const socketPath = process.env.CO_TEST_DOCKER_SOCKET ?? '/var/run/docker.sock';
  const docker = new Docker({ socketPath });
  const dataDir = await mkdtemp(join(tmpdir(), 'co-bench-'));
  const cluster = await startCluster({ dataDir, engine: 'docker', socketPath, workers: 5 });
  try {
    const bare: number[] = [];
    const ours: number[] = [];
    for (let turn = 0; turn < singles; turn += 1) {
      bare.push(await timeBare(docker, 1));
      ours.push(await timeOurs(cluster.url, 1));
    }
    const overheadMs = median(ours) - median(bare);
    const bareMany: number[] = [];
    const oursMany: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      bareMany.push(await timeBare(docker, replicas));
      oursMany.push(await timeOurs(cluster.url, replicas));
    }
    const share = median(bareMany) / median(oursMany);
    return [
      {
        name: 'one container: POST to running, over bare create + start',
        value: `+${overheadMs.toFixed(0)} ms (${median(bare).toFixed(0)} → ${median(ours).toFixed(0)} ms)`,
        ratio: null,
        target: `≤ ${overheadMsMax} ms`,
        met: overheadMs <= overheadMsMax,
      },
      {
        name: `${replicas} replicas at ${parallelStarts} parallel starts, over bare dockerode`,
        value: `${((replicas / median(oursMany)) * 1000).toFixed(1)} starts/s`,
        ratio: share,
        target: `≥ ${rateShareMin}`,
        met: share >= rateShareMin,
      },
    ];
  } finally {
    await cluster.purge();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Milliseconds until `count` containers run, four at a time, with the settings ours are created with. */
async function timeBare(docker: Docker, count: number): Promise<number> {
  const containers: Docker.Container[] = [];
  const startedMs = performance.now();
  let next = 0;
  const worker = async () => {
    while (next < count) {
      next += 1;
      const container = await docker.createContainer({
        name: `co-bench-${randomUUID()}`,
        Image: image,
        HostConfig: { Init: true, PidsLimit: 4096 },
      });
      containers.push(container);
      await container.start();
    }
  };
  await Promise.all(Array.from({ length: parallelStarts }, worker));
  const tookMs = performance.now() - startedMs;
  for (const container of containers) await container.remove({ force: true });
  return tookMs;
}

/** Milliseconds from the request until the log says that all of them run. */
async function timeOurs(url: string, count: number): Promise<number> {
  const serviceName = `bench-${randomUUID().slice(0, 8)}`;
  const body = { services: [{ serviceName, replicas: count, container: { name: 'main', image } }] };
  const startedMs = performance.now();
  const answer = await post(`${url}/service`, body);
  const running = await followUntil(url, answer.position, serviceName, count);
  const tookMs = running - startedMs;
  await fetch(`${url}/service/${serviceName}`, { method: 'DELETE' });
  await untilGone(url, serviceName);
  return tookMs;
}

async function post(url: string, body: unknown): Promise<{ position: number }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (response.status !== 202) throw new Error(`POST answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as { position: number };
}

async function followUntil(url: string, after: number, service: string, count: number): Promise<number> {
  const abort = new AbortController();
  const query = `after=${after}&service=${service}&type=ContainerRunning`;
  const response = await fetch(`${url}/events?${query}`, {
    headers: { accept: 'text/event-stream' },
    signal: abort.signal,
  });
  let running = 0;
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    running += chunk.match(/^id: ?\d+/gm)?.length ?? 0;
    if (running >= count) break;
  }
  const atMs = performance.now();
  abort.abort();
  return atMs;
}

async function untilGone(url: string, service: string): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  while (performance.now() < deadlineMs) {
    const response = await fetch(`${url}/service/${service}`);
    await response.body?.cancel();
    if (response.status === 404) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${service} is not gone after a minute`);
}
