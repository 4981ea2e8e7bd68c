/** The state routes: bodies as the fold has them, filters, and ETags that change with facts only. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type NewEvent, streams } from '../../../src/events/schema/event.ts';
import { oneService, startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';

const test = suite('state over HTTP');
let api: TestApi;

const meta = { actor: 'node:worker-1', causationId: null };
const registered = (node: string): NewEvent => ({
  stream: streams.node(node),
  type: 'NodeRegistered',
  data: {
    node,
    registrationId: '11111111-1111-4111-8111-111111111111',
    engine: { kind: 'simulated', engineId: `engine-${node}`, version: '1', memoryBytes: 1_000_000, cpuMillis: 4_000 },
    hostname: node,
    agentVersion: '0.1.0',
    labels: [],
    inventory: [],
  },
  meta,
});

const append = async (...events: NewEvent[]) => {
  const { last } = await api.log.append(events);
  await api.projector.waitFor(last);
  return last;
};
const get = (path: string, headers: Record<string, string> = {}) => api.call('GET', path, { headers });

test.before.each(async () => {
  api = await startApi(await openMemoryLog());
});
test.after.each(async () => {
  await api.close();
  await api.log.close();
});

test('every state body carries the position of the last fact, and the ETag is it', async () => {
  await api.call('POST', '/service', { body: oneService() });
  for (const path of ['/state', '/service_state', '/container_state', '/node_state']) {
    const { status, body, headers } = await get(path);
    assert.is(status, 200);
    assert.is(body.position, api.projector.view.factPosition);
    assert.is(headers.etag, `"${body.position}"`);
  }
});

test('the same state again is 304 without a body, a new fact is not', async () => {
  for (const path of ['/state', '/service_state', '/container_state', '/node_state']) {
    const { headers } = await get(path);
    const etag = String(headers.etag);
    const same = await get(path, { 'if-none-match': etag });
    assert.is(same.status, 304, path);
    assert.is(same.text, '');
    await append(registered(`worker-${path.slice(1).replace('_', '-')}`));
    assert.is((await get(path, { 'if-none-match': etag })).status, 200, path);
  }
});

test('telemetry changes what is shown and not the ETag', async () => {
  const session = await append(registered('worker-1'));
  const before = await get('/node_state');
  const at = '2026-05-05T05:05:05.000Z';
  await append({
    stream: streams.heartbeats,
    type: 'HeartbeatsReceived',
    data: { heartbeats: [{ node: 'worker-1', session, sequence: 1, at, containers: 0 }] },
    meta,
  });
  const after = await get('/node_state');
  assert.is(after.headers.etag, before.headers.etag);
  assert.is(after.body.nodes[0].lastHeardAt, at);
});

test('filters by service, node and state', async () => {
  await append(registered('worker-1'), registered('worker-2'));
  await api.call('POST', '/service', { body: oneService('a') });
  await api.call('POST', '/service', { body: oneService('b', 0) });
  const names = async (path: string) =>
    (await get(path)).body.services.map((service: { serviceName: string }) => service.serviceName);
  assert.equal(await names('/service_state'), ['a', 'b']);
  assert.equal(await names('/service_state?service=b'), ['b']);
  assert.equal(await names('/service_state?service=none'), []);
  assert.equal(await names('/service_state?state=progressing'), ['a']);
  assert.equal(await names('/service_state?state=converged'), ['b']);
  const nodes = await get('/node_state?node=worker-2&state=ready');
  assert.equal(
    nodes.body.nodes.map(({ node }: { node: string }) => node),
    ['worker-2'],
  );
  assert.equal((await get('/node_state?state=lost')).body.nodes, []);
  assert.is((await get('/container_state?state=in%20queue&ended=true')).status, 200);
});

test('state has the condition of log, bus and leader, and a problem is never hidden by an ETag', async () => {
  const well = await get('/state');
  assert.equal(well.body.bus, { state: 'connected', description: 'embedded', trouble: null });
  assert.equal(well.body.leader, { term: 1, controllerId: 'manager-1', isSelf: true });
  api.status.bus = { state: 'connecting', description: 'embedded', trouble: 'refused' };
  const troubled = await get('/state', { 'if-none-match': String(well.headers.etag) });
  assert.is(troubled.status, 200);
  assert.is(troubled.headers.etag, undefined);
  assert.is(troubled.body.bus.trouble, 'refused');
});

test('a node is shown as cordoned, drained and active', async () => {
  await append(registered('worker-1'));
  for (const [action, availability] of [
    ['cordon', 'cordoned'],
    ['drain', 'draining'],
    ['activate', 'active'],
  ]) {
    const { status, body } = await api.call('POST', `/node/worker-1/${action}`);
    assert.is(status, 202);
    assert.equal(body.nodes, [{ node: 'worker-1', availability }]);
    assert.is((await get('/node_state')).body.nodes[0].availability, availability);
  }
  assert.is((await api.call('DELETE', '/node/worker-1')).status, 409);
  const lost = await api.call('POST', '/node/worker-1/lost');
  assert.equal([lost.status, lost.body.code], [409, 'node_heard']);
});

test('the state at a position or a time of the past is what it was then', async () => {
  const bodies: { position: number; text: string }[] = [];
  for (const replicas of [1, 2, 3, 4]) {
    await api.call('POST', '/service', { body: oneService('web', replicas) });
    const { text, body } = await get('/service_state');
    bodies.push({ position: body.position, text });
  }
  for (const { position, text } of bodies) {
    const then = await get(`/service_state?at=${position}`);
    assert.is(then.text, text);
    assert.is(then.headers.etag, `"${position}"`);
    assert.is((await get(`/service_state?at=${position}`, { 'if-none-match': `"${position}"` })).status, 304);
  }
  const [first] = await api.events('ServiceRequested');
  const byTime = await get(`/state?at=${first!.at}`);
  assert.ok(byTime.body.services[0].replicas >= 1);
  assert.is((await get('/node_state?at=1')).body.position, 1);
  assert.equal((await get('/container_state?at=1&ended=true')).body.containers, []);
});

test('one service at a point of the past has the spec of then, also when it is gone by now', async () => {
  const positions: number[] = [];
  for (const replicas of [2, 5]) {
    positions.push(
      (await api.call('POST', '/service', { body: oneService('gone', replicas, `nginx:${replicas}`) })).body.position,
    );
  }
  await api.call('DELETE', '/service/gone');
  const then = await Promise.all(positions.map((position) => get(`/service/gone?at=${position}`)));
  assert.equal(
    then.map(({ body }) => [body.position, body.replicas, body.container.image]),
    [
      [positions[0], 2, 'nginx:2'],
      [positions[1], 5, 'nginx:5'],
    ],
  );
  assert.is((await get(`/service/gone?at=${positions[0]}`, { 'if-none-match': `"1-${positions[0]}"` })).status, 304);
  const before = await get(`/service/gone?at=${positions[0]! - 1}`);
  assert.equal([before.status, before.body.code], [404, 'service_not_found']);
  assert.is((await get('/service/gone?at=999999')).body.code, 'moment_in_future');
});

test('a point in time in the future, before the log, or malformed is refused', async () => {
  for (const route of ['/state', '/service_state', '/node_state', '/container_state']) {
    assert.is((await get(`${route}?at=999999`)).body.code, 'moment_in_future');
    assert.is((await get(`${route}?at=2999-01-01T00:00:00Z`)).body.code, 'moment_in_future');
    assert.is((await get(`${route}?at=2001-01-01T00:00:00Z`)).body.code, 'moment_before_log');
    assert.is((await get(`${route}?at=yesterday`)).body.code, 'query_invalid');
    assert.is((await get(`${route}?at=2026-02-45T00:00:00Z`)).body.code, 'query_invalid');
  }
});

test('an unknown path or service is 404', async () => {
  assert.is((await get('/service/none')).body.code, 'service_not_found');
  assert.is((await get('/nothing')).body.code, 'route_not_found');
});

test('probes, metrics and the documentation answer', async () => {
  assert.equal((await get('/healthz')).body, { status: 'ok' });
  assert.is((await get('/readyz')).status, 200);
  api.status.ready = false;
  api.status.notReady = ['the bus is away'];
  const { status, body } = await get('/readyz');
  assert.is(status, 503);
  assert.equal(body, { ready: false, notReady: ['the bus is away'] });
  await append(registered('worker-1'));
  const metrics = await get('/metrics');
  assert.match(metrics.text, /^co_nodes\{state="ready"\} 1$/m);
  const docs = await get('/docs/json');
  assert.ok(docs.body.paths['/service'].post);
  assert.match((await get('/docs/')).text, /swagger/i);
});

test.run();
