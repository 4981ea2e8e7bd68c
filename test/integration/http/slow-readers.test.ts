/** What clients do not read is bounded: by page, by stream and in all. */

import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { abortSignalOf } from '../../../src/http/request/abort-signal.ts';
import { createAnswerLimits } from '../../../src/http/response/answer-limits.ts';
import { createByteBudget } from '../../../src/http/response/byte-budget.ts';
import { startApi, type TestApi } from '../../support/http/http.ts';
import { httpLogs } from '../../support/http/http-logs.ts';
import { until } from '../../support/wait.ts';

const test = suite('slow readers');
/** A store in memory copies what it reads; this one reads as little as it says. */
const sqlite = httpLogs.find(({ name }) => name === 'sqlite')!;
const editBytes = 15_000;
const edits = 100;
let api: TestApi;
let sockets: Socket[];
let servers: { close(): unknown }[];

test.before.each(async () => {
  sockets = [];
  servers = [];
  api = await startApi(await sqlite.open(), { connectionsPerAddress: 1_000 });
  await edit(edits, editBytes);
});

async function edit(count: number, bytes: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const env = { N: `${bytes} ${n}`, FILL: 'x'.repeat(bytes) };
    const services = [{ serviceName: 'web', replicas: 0, container: { name: 'web', image: 'web:1', env } }];
    assert.is((await api.call('POST', '/service', { body: { services } })).status, 202);
  }
}

test.after.each(async () => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) await server.close();
  await api.close();
  await api.log.close();
});

/** Asks and reads nothing. */
function ask(path: string, localAddress = '127.0.0.1'): Socket {
  const { hostname, port, host } = new URL(api.url);
  const socket = connect({ host: hostname, port: Number(port), localAddress });
  socket.on('error', () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
  socket.pause();
  sockets.push(socket);
  return socket;
}

test('a page ends before its bytes are too many, and says where the next begins', async () => {
  const positions: number[] = [];
  let pages = 0;
  for (let after: number | null = 0; after !== null; pages += 1) {
    const { body, text } = await api.call('GET', `/events?class=fact&limit=1000&after=${after}`);
    assert.ok(text.length <= 256 * 1024 + 1_000, `${text.length} bytes`);
    positions.push(...body.events.map(({ position }: { position: number }) => position));
    after = body.next;
  }
  assert.ok(pages > 5, `${pages} pages`);
  assert.is(new Set(positions).size, edits + 1);
  assert.equal(
    positions,
    positions.toSorted((a, b) => a - b),
  );
});

test('the same events come as NDJSON, whatever the pages they are read in', async () => {
  const { text } = await api.call('GET', '/events?class=fact&format=ndjson');
  const lines = text.trimEnd().split('\n');
  assert.equal(
    lines.map((line) => JSON.parse(line).position),
    Array.from({ length: edits + 1 }, (_, index) => index + 1),
  );
});

test('beyond what may wait for slow clients a stream is refused, and served once they are gone', async () => {
  // More than the buffers of the two ends of a connection take in.
  await edit(500, 30_000);
  for (let n = 0; n < 200; n += 1) ask('/events?class=fact&format=ndjson');
  const refused = await until('one is refused', async () => {
    const answer = await api.call('GET', '/events?class=fact&format=ndjson');
    return answer.status === 503 ? answer : null;
  });
  assert.is(refused.body.code, 'streams_full');
  assert.is(refused.headers['retry-after'], '1');
  assert.is((await api.call('GET', '/healthz')).status, 200);
  assert.is((await api.call('GET', '/service/web')).status, 200);
  for (const socket of sockets) socket.destroy();
  await until('there is room', async () => (await api.call('GET', '/events?class=fact&format=ndjson')).status === 200);
});

test('what one caller does not read leaves room for the others', async () => {
  await edit(500, 30_000);
  const path = '/events?class=fact&format=ndjson';
  for (let n = 0; n < 200; n += 1) ask(path);
  await until('its share is used up', async () => (await api.call('GET', path)).status === 503);
  const other = ask(path, '127.0.0.2').resume();
  const [first] = await once(other, 'data');
  assert.match(String(first), /^HTTP\/1\.1 200 /);
});

test('answers that wait behind others of their connection are counted, and given back when it ends', async () => {
  const budget = createByteBudget({ ofAll: 1_000_000, ofCaller: 100_000 });
  const server = fastify();
  servers.push(server);
  server.addHook('onSend', async (request, reply, payload) =>
    createAnswerLimits(budget).admit(request, reply, payload),
  );
  server.get('/', (_request, reply) => reply.send('x'.repeat(60_000)));
  // The answer in front is never sent.
  server.get('/never', (_request, reply) => void reply.hijack());
  await server.listen({ port: 0 });
  const { port } = server.server.address() as AddressInfo;
  const socket = connect({ host: '127.0.0.1', port });
  sockets.push(socket);
  const isFull = () => {
    try {
      budget.take(60_000, '127.0.0.1')();
      return false;
    } catch {
      return true;
    }
  };
  socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(2).replace('GET /', 'GET /never'));
  await until('the second waits', isFull);
  socket.destroy();
  await until('it is given back', () => !isFull());
});

test('an answer whose client has left before it was there is not counted', async () => {
  const budget = createByteBudget({ ofAll: 100_000, ofCaller: 100_000 });
  const { admit } = createAnswerLimits(budget);
  const server = fastify();
  servers.push(server);
  let sent = 0;
  let signal: AbortSignal | null = null;
  server.addHook('onSend', async (request, reply, payload) => {
    admit(request, reply, payload);
    sent += 1;
  });
  server.get('/', async (_request, reply) => {
    await once(reply.raw, 'close');
    signal = abortSignalOf(reply, new AbortController().signal);
    return 'x'.repeat(90_000);
  });
  await server.listen({ port: 0 });
  const { port } = server.server.address() as AddressInfo;
  const socket = connect({ host: '127.0.0.1', port });
  socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await once(server.server, 'request');
  socket.destroy();
  await until('it is sent', () => sent > 0);
  assert.ok(signal!.aborted, 'work for it ends');
  budget.take(90_000, '127.0.0.1');
});

test('a body that many read is counted once, until the last of them has it', () => {
  const budget = createByteBudget({ ofAll: 250_000, ofCaller: 250_000 });
  const { admit } = createAnswerLimits(budget);
  const [body, other] = [Buffer.alloc(200_000), Buffer.alloc(200_000)];
  const answer = (payload: Buffer) => {
    const raw = Object.assign(new EventEmitter(), { socket: {} });
    const request = { caller: null, ip: '127.0.0.1', raw: { socket: { destroy() {} } } } as unknown as FastifyRequest;
    admit(request, { raw } as unknown as FastifyReply, payload);
    return () => raw.emit('close');
  };
  const [first, second] = [answer(body), answer(body)];
  assert.throws(() => answer(other), /wait/);
  first();
  assert.throws(() => answer(other), /wait/);
  second();
  answer(other);
});

test('a budget is given back once, and one answer may be larger than all of it', () => {
  const budget = createByteBudget({ ofAll: 100, ofCaller: 100 });
  const release = budget.take(500, 'a');
  assert.throws(() => budget.take(1, 'a'), /this caller/);
  assert.throws(() => budget.take(1, 'b'), /clients/);
  release();
  release();
  const [first] = [budget.take(60, 'a'), budget.take(40, 'a')];
  assert.throws(() => budget.take(1, 'b'), /wait/);
  first();
  budget.take(60, 'a');
});

test('a caller has its share of a budget, and no more', () => {
  const budget = createByteBudget({ ofAll: 100, ofCaller: 50 });
  const release = budget.take(50, 'a');
  assert.throws(() => budget.take(1, 'a'), /this caller/);
  budget.take(50, 'b');
  assert.throws(() => budget.take(1, 'c'), /clients/);
  release();
  budget.take(50, 'c');
});

test.run();
