/** A manager's HTTP side in tests: a real log, a real projector, a real socket; nothing that reconciles. */

import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { systemClock } from '../../../src/clock.ts';
import { createMetrics } from '../../../src/daemon/metrics/metrics.ts';
import type { EventLog } from '../../../src/events/log/event-log.ts';
import { type LogEvent, type NewEvent, streams } from '../../../src/events/schema/event.ts';
import { createTimeTravel } from '../../../src/history/replay/past-views.ts';
import type { Token } from '../../../src/http/request/auth.ts';
import type { Members } from '../../../src/http/request/members.ts';
import type { ControlPlaneStatus } from '../../../src/http/response/status.ts';
import { createHttpServer } from '../../../src/http/server.ts';
import type { ServerTls } from '../../../src/http/server-tls.ts';
import { silentLogger } from '../../../src/logger.ts';
import { createProjector, type Projector } from '../../../src/projections/live/projector.ts';
import type { Vault } from '../../../src/secrets/vault.ts';
import { createHeardSince, createStreamClient } from '../../../src/streams/stream-client.ts';
import { openStreamAgent, type StreamAgent } from './stream-agent.ts';

export type Answer = {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  body: any;
};

export type CallOptions = { body?: unknown; text?: string | Buffer; headers?: Record<string, string> };

export type TestApi = {
  url: string;
  log: EventLog;
  projector: Projector;
  status: ControlPlaneStatus;
  /** What answers streams on node worker-1. */
  agent: StreamAgent;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Everything in the log, of these types. */
  events(...types: LogEvent['type'][]): Promise<LogEvent[]>;
  /** The HTTP server and the projector; the log is the caller's. */
  close(): Promise<void>;
};

export async function startApi(
  log: EventLog,
  options: {
    tokens?: Token[];
    host?: string;
    nodeTimeoutMs?: number;
    managerId?: string;
    recordEveryMs?: number;
    callsPerSecond?: number;
    connectionsPerAddress?: number;
    tls?: ServerTls;
    members?: Members;
    vault?: Vault | null;
    /** Of node worker-1; default: it has none. */
    agent?: { isAnswering: boolean };
    streamOpenDeadlineMs?: number;
  } = {},
): Promise<TestApi> {
  const clusterId = await ensureCluster(log);
  const projector = createProjector({ log, logger: silentLogger, clock: systemClock });
  await projector.start();
  const status: ControlPlaneStatus = {
    managerId: options.managerId ?? 'manager-1',
    cluster: { id: clusterId, name: 'test' },
    log: { description: log.description, trouble: null },
    bus: { state: 'connected', description: 'embedded', trouble: null },
    leader: { term: 1, controllerId: 'manager-1', isSelf: true },
    ready: true,
    notReady: [],
  };
  const past = createTimeTravel({ log, logger: silentLogger });
  const metrics = createMetrics({ version: '0.0.0' });
  const agent = openStreamAgent(clusterId, 'worker-1', options.agent ?? { isAnswering: false });
  const { managerId } = status;
  const streams = createStreamClient(
    { bus: agent.broker.manager(managerId), clock: systemClock, isHeardSince: createHeardSince(projector) },
    { clusterId, managerId, openDeadlineMs: options.streamOpenDeadlineMs ?? 1_000 },
  );
  const reading = { log, projector, past, clock: systemClock, logger: silentLogger };
  const deps = { ...reading, status: () => status, metrics, streams };
  const stopCounting = metrics.watch(deps);
  const server = createHttpServer(deps, { port: 0, version: '0.0.0', ...options });
  const { url } = await server.listen();
  return {
    url,
    log,
    projector,
    status,
    agent,
    call: (method, path, call) => callApi(url, method, path, call),
    async events(...types) {
      const found: LogEvent[] = [];
      for (let after = 0; ; ) {
        const page = await log.read({ after, types, limit: 1000 });
        found.push(...page.events);
        if (page.next === null) return found;
        after = page.next;
      }
    },
    async close() {
      await server.close();
      streams.close();
      await agent.close();
      stopCounting();
      await projector.close();
    },
  };
}

/** The first event of every log. */
async function ensureCluster(log: EventLog): Promise<string> {
  const { events } = await log.read({ limit: 1 });
  if (events[0]?.type === 'ClusterCreated') return events[0].data.clusterId;
  const clusterId = randomUUID();
  const created: NewEvent = {
    stream: streams.cluster,
    type: 'ClusterCreated',
    data: { clusterId, name: 'test' },
    meta: { actor: 'manager:manager-1', causationId: null },
  };
  await log.append([created], { expect: [{ stream: streams.cluster, version: 0 }] });
  return clusterId;
}

/** One call on a connection of its own: `fetch` would neither send a foreign Host nor let go of its sockets. */
export function callApi(url: string, method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  const payload = options.text ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  const headers: Record<string, string> = {};
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  if (payload !== undefined) headers['content-length'] = String(Buffer.byteLength(payload));
  Object.assign(headers, options.headers);
  return new Promise((resolve, reject) => {
    const request = httpRequest(new URL(path, url), { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const isJson =
          /json/.test(response.headers['content-type'] ?? '') && !/ndjson/.test(response.headers['content-type'] ?? '');
        const body = isJson && text !== '' ? JSON.parse(text) : null;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body });
      });
    });
    // A server that refuses a body early may close before all of it was sent; its answer counts.
    request.on('error', (error) => setTimeout(() => reject(error), 200).unref());
    request.end(payload);
  });
}

export const oneService = (serviceName = 'web', replicas = 3, image = 'nginx') => ({
  services: [{ serviceName, replicas, container: { name: serviceName, image } }],
});
