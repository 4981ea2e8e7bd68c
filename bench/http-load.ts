/** The clients of bench/http.ts, as a process of their own: they must not share the server's event loop. */

import autocannon from 'autocannon';

export type Load = { url: string; kind: 'create' | 'read'; connections: number; seconds: number; prefix: string };
export type LoadResult = { perSecond: number; p99Ms: number; answers: number; failures: number };

process.on('message', async (load: Load) => {
  process.send?.(await run(load));
  process.disconnect();
});

async function run({ url, kind, connections, seconds, prefix }: Load): Promise<LoadResult> {
  let services = 0;
  /** Each request asks for a new service; of no replicas, for asking is measured, not placing. */
  const setupRequest = (request: autocannon.Request): autocannon.Request => {
    services += 1;
    const serviceName = `${prefix}-${services}`;
    const body = { services: [{ serviceName, replicas: 0, container: { name: 'web', image: 'nginx' } }] };
    return { ...request, body: JSON.stringify(body) };
  };
  const post = {
    method: 'POST' as const,
    path: '/service',
    headers: { 'content-type': 'application/json' },
    setupRequest,
  };
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    ...(kind === 'create' ? { requests: [post] } : {}),
  });
  const answers = result['2xx'];
  return {
    perSecond: answers / result.duration,
    p99Ms: result.latency.p99,
    answers,
    failures: result.non2xx + result.errors + result.timeouts,
  };
}
