/**
 * A listener of its own for probes: `/healthz` and `/readyz`, and nothing else. Whatever callers of the API do, they do not
 * reach it.
 */

import { createServer, type RequestListener } from 'node:http';
import { AppError } from '../errors.ts';
import { limitConnections } from './connections.ts';
import { healthOf, readinessOf } from './response/health.ts';
import type { ControlPlaneStatus } from './response/status.ts';

export type HealthServer = { url: string; close(): Promise<void> };

const limits = { ofAll: 64, ofAddress: 32 };
const headersTimeoutMs = 2_000;

/** @throws AppError `port_taken` */
export async function startHealthServer(
  { status }: { status: () => ControlPlaneStatus },
  { host, port }: { host: string; port: number },
): Promise<HealthServer> {
  const answer: RequestListener = ({ method, url }, response) => {
    const probes: Record<string, () => { code: number; body: object }> = {
      '/healthz': healthOf,
      '/readyz': () => readinessOf(status()),
    };
    const probe = method === 'GET' || method === 'HEAD' ? probes[url ?? ''] : undefined;
    const { code, body } = probe?.() ?? { code: 404, body: { paths: Object.keys(probes) } };
    response.writeHead(code, { 'content-type': 'application/json', 'cache-control': 'no-store', connection: 'close' });
    response.end(JSON.stringify(body));
  };
  const server = createServer({ headersTimeout: headersTimeoutMs, connectionsCheckingInterval: 500 }, answer);
  limitConnections(server, limits);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = `port ${port} of ${host}, for probes, is in use by another program`;
      reject(error.code === 'EADDRINUSE' ? new AppError('port_taken', taken, { cause: error }) : error);
    });
    server.listen({ host, port }, resolve);
  });
  const address = server.address();
  const bound = typeof address === 'object' && address ? address.port : port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
