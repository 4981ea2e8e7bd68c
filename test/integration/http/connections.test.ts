/** Connections that say nothing, or too many of them, keep no other caller out. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startHealthServer } from '../../../src/http/health-server.ts';
import { openEventStream } from '../../support/http/event-stream.ts';
import { callApi, startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';
import { until } from '../../support/wait.ts';

const test = suite('connections');
let api: TestApi;
let sockets: Socket[];

const start = async (options: Parameters<typeof startApi>[1] = {}) => {
  api = await startApi(await openMemoryLog(), options);
};

test.before.each(() => {
  sockets = [];
});
test.after.each(async () => {
  for (const socket of sockets) socket.destroy();
  await api.close();
  await api.log.close();
});

async function openSilent(count: number, localAddress = '127.0.0.1'): Promise<Socket[]> {
  const { hostname, port } = new URL(api.url);
  const opened = Array.from({ length: count }, () => {
    const socket = connect({ host: hostname, port: Number(port), localAddress });
    socket.resume();
    socket.on('error', () => {});
    sockets.push(socket);
    return socket;
  });
  await Promise.all(opened.map((socket) => (socket.connecting ? once(socket, 'connect') : undefined)));
  return opened;
}

const openCount = () => sockets.filter((socket) => !socket.destroyed && socket.readyState === 'open').length;

test('more silent connections than there may be keep no caller out', async () => {
  await start();
  for (const host of [1, 2, 3]) await openSilent(500, `127.0.0.${host}`);
  const startedMs = performance.now();
  for (let n = 0; n < 20; n += 1) assert.is((await api.call('GET', '/healthz')).status, 200);
  assert.ok(performance.now() - startedMs < 2_000, 'answered at once, not when the silent ones time out');
});

test('a silent connection is closed within seconds', async () => {
  await start();
  await openSilent(3);
  await until('they are closed', () => openCount() === 0, 8_000);
});

test('a stream is not idle: it outlives a flood of silent connections from its own address', async () => {
  await start({ connectionsPerAddress: 8 });
  const stream = await openEventStream(api.url, '/events');
  await openSilent(50);
  await until('all but the limit are closed', () => openCount() <= 7);
  assert.is((await api.call('GET', '/healthz')).status, 200);
  assert.not(stream.isEnded);
  stream.close();
});

test('an address with answers under way on all of its connections gets no more, others do', async () => {
  await start({ connectionsPerAddress: 8 });
  const streams = await Promise.all(Array.from({ length: 8 }, () => openEventStream(api.url, '/events')));
  const [refused] = await openSilent(1);
  await until('the ninth is closed', () => refused!.destroyed);
  await openSilent(1, '127.0.0.2');
  assert.is(streams.filter(({ isEnded }) => isEnded).length, 0);
  for (const stream of streams) stream.close();
  await until('there is room again', async () => (await api.call('GET', '/healthz').catch(() => null))?.status === 200);
});

test('a connection with more requests at once than it may have is closed, and the rest of them are not served', async () => {
  await start();
  const [few, many] = await openSilent(2);
  const { host } = new URL(api.url);
  const requests = (count: number) => `GET /healthz HTTP/1.1\r\nhost: ${host}\r\n\r\n`.repeat(count);
  let text = '';
  few!.on('data', (chunk) => {
    text += chunk;
  });
  few!.write(requests(4));
  await until('a few are answered', () => text.split('HTTP/1.1 200').length === 5);
  many!.write(requests(2_000));
  await until('the connection is closed', () => many!.destroyed);
  assert.is((await api.call('GET', '/healthz')).status, 200);
  const { text: metrics } = await api.call('GET', '/metrics');
  const counts = metrics.matchAll(/^co_http_request_duration_seconds_count\{.*route="\/healthz".*\} (\d+)$/gm);
  const served = [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
  assert.ok(served >= 5 && served < 50, `${served} calls`);
});

test('probes have a listener that the callers of the API do not reach', async () => {
  await start();
  const health = await startHealthServer({ status: () => api.status }, { host: '127.0.0.1', port: 0 });
  assert.is((await callApi(health.url, 'GET', '/healthz')).status, 200);
  assert.equal((await callApi(health.url, 'GET', '/readyz')).body, { ready: true, notReady: [] });
  api.status.ready = false;
  assert.is((await callApi(health.url, 'GET', '/readyz')).status, 503);
  for (const [method, path] of [
    ['GET', '/state'],
    ['GET', '/metrics'],
    ['POST', '/healthz'],
  ] as const) {
    assert.is((await callApi(health.url, method, path)).status, 404, path);
  }
  await health.close();
});

test.run();
