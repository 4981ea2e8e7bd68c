/**
 * Measures the API under 64 clients: services created (each 202 is durable), and reads of /service_state beside a bare
 * Fastify route that sends the same bytes. The clients are a process of their own.
 */

import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fastify } from 'fastify';
import { readConfig } from '../src/daemon/config.ts';
import { startManager } from '../src/daemon/manager.ts';
import { silentLogger } from '../src/logger.ts';
import type { Load, LoadResult } from './http-load.ts';
import { type BenchRow, median } from './table.ts';

const connections = 64;
const seconds = 5;
const rounds = 3;
const servicesRead = 100;
const readShareMin = 0.7;
/** Measured: what a manager of Docker Swarm takes on a machine like this one, and how many times that is asked for. */
const swarmPerSecond = 1_612;
const timesSwarmMin = 3;

export async function benchHttp(): Promise<BenchRow[]> {
  const mongodbUrl = process.env.CO_TEST_MONGODB_URL;
  const rows = [await benchCreate('sqlite', () => [])];
  const amqpUrl = process.env.CO_TEST_AMQP_URL;
  if (mongodbUrl && amqpUrl) {
    const kind = `mongodb (${process.env.CO_TEST_MONGODB_KIND ?? 'as given'})`;
    rows.push(await benchCreate(kind, () => ['--mongodb', inOwnDatabase(mongodbUrl), '--amqp', amqpUrl]));
  }
  return [...rows, await benchRead()];
}

/** One run's services do not slow the next one's start. */
function inOwnDatabase(url: string): string {
  const own = new URL(url);
  own.pathname = `/co-bench-${process.pid}-${Date.now()}`;
  return own.href;
}

async function withManager<T>(options: string[], body: (url: string) => Promise<T>): Promise<T> {
  const dataDir = await mkdtemp(join(tmpdir(), 'co-bench-'));
  const config = readConfig(['--data', dataDir, '--port', '0', ...options], {});
  const onFatal = (error: Error) => {
    throw error;
  };
  const manager = await startManager(config, { logger: silentLogger, onFatal });
  try {
    return await body(manager.url);
  } finally {
    await manager.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function benchCreate(kind: string, options: () => string[]): Promise<BenchRow> {
  const create = () =>
    withManager(options(), (url) => load({ url, kind: 'create', connections, seconds, prefix: 's' }));
  // A database that compiles as it goes has to be warm.
  await create();
  const results: LoadResult[] = [];
  for (let round = 0; round < rounds; round += 1) results.push(await create());
  const perSecond = median(results.map((result) => result.perSecond));
  const times = perSecond / swarmPerSecond;
  return {
    name: `POST /service, ${connections} clients, log in ${kind}, over ${swarmPerSecond}/s of a Swarm manager`,
    value: `${Math.round(perSecond)}/s, p99 ${median(results.map(({ p99Ms }) => p99Ms))} ms`,
    ratio: times,
    target: `≥ ${timesSwarmMin}`,
    met: times >= timesSwarmMin,
  };
}

async function benchRead(): Promise<BenchRow> {
  return withManager([], async (url) => {
    const services = Array.from({ length: servicesRead }, (_, n) => ({
      serviceName: `service-${n}`,
      replicas: 3,
      container: { name: 'web', image: 'nginx' },
    }));
    const headers = { 'content-type': 'application/json' };
    await fetch(`${url}/service`, { method: 'POST', headers, body: JSON.stringify({ services }) });
    await new Promise((resolve) => setTimeout(resolve, 500));
    const response = await fetch(`${url}/service_state`);
    const body = Buffer.from(await response.arrayBuffer());
    const bare = fastify();
    bare.get('/service_state', (_request, reply) => reply.header('content-type', 'application/json').send(body));
    const bareUrl = await bare.listen({ port: 0, host: '127.0.0.1' });
    const read = (from: string) =>
      load({ url: `${from}/service_state`, kind: 'read', connections, seconds, prefix: '' });
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      theirs.push((await read(bareUrl)).perSecond);
      ours.push((await read(url)).perSecond);
    }
    await bare.close();
    const share = median(ours) / median(theirs);
    return {
      name: `GET /service_state at ${servicesRead} services, over a bare Fastify route of the same bytes`,
      value: `${Math.round(median(ours))}/s`,
      ratio: share,
      target: `≥ ${readShareMin}`,
      met: share >= readShareMin,
    };
  });
}

async function load(work: Load): Promise<LoadResult> {
  const child = fork(new URL('./http-load.ts', import.meta.url));
  const result = await new Promise<LoadResult>((resolve, reject) => {
    child.on('message', (message) => resolve(message as LoadResult));
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`the clients ended with exit code ${code}`)));
    child.send(work);
  });
  if (result.failures > 0) throw new Error(`${result.failures} calls failed, ${result.answers} were answered`);
  return result;
}
