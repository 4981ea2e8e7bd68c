/** What clients do not read is bounded: by page, by stream and in all. */

import { connect, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
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

test.before.each(async () => {
  sockets = [];
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
  await api.close();
  await api.log.close();
});

/** Asks and reads nothing. */
function ask(path: string): Socket {
  const { hostname, port, host } = new URL(api.url);
  const socket = connect({ host: hostname, port: Number(port) });
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

test('a budget is given back once, and one answer may be larger than all of it', () => {
  const budget = createByteBudget(100);
  const release = budget.take(500);
  assert.throws(() => budget.take(1), /wait for clients/);
  release();
  release();
  const [first] = [budget.take(60), budget.take(40)];
  assert.throws(() => budget.take(1), /wait for clients/);
  first();
  budget.take(60);
});

test.run();
