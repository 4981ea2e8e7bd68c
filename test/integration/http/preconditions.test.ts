/** If-Match and If-None-Match: of changes, which at most one of several writers wins, and of reads. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type NewEvent, streams } from '../../../src/events/schema/event.ts';
import { type Answer, oneService, startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';

const test = suite('preconditions');
let api: TestApi;
let other: TestApi;

test.before.each(async () => {
  const log = await openMemoryLog();
  api = await startApi(log);
  other = await startApi(log, { managerId: 'manager-2' });
});
test.after.each(async () => {
  await other.close();
  await api.close();
  await api.log.close();
});

const put = (headers: Record<string, string>, body: object = oneService()) =>
  api.call('POST', '/service', { body, headers });
const scale = (replicas: number, headers: Record<string, string>, on = api) =>
  on.call('PATCH', '/service/web', { body: { replicas }, headers });
const tagOf = async (path: string) => String((await api.call('GET', path)).headers.etag);
const outcome = ({ status, body }: Answer) => (status < 300 ? status : [status, body.code]);

const failed = [412, 'precondition_failed'];

const meta = { actor: 'node:worker-1', causationId: null };
const registered = (node: string): NewEvent => ({
  stream: streams.node(node),
  type: 'NodeRegistered',
  data: {
    node,
    registrationId: '11111111-1111-4111-8111-111111111111',
    engine: { kind: 'simulated', engineId: 'engine-1', version: '1', memoryBytes: 1_000_000, cpuMillis: 4_000 },
    hostname: node,
    agentVersion: '0.1.0',
    labels: [],
    inventory: [],
  },
  meta,
});
const queued = (container: string, specHash: string, session: number): NewEvent => ({
  stream: streams.container(container),
  type: 'ContainerQueued',
  data: {
    ...{ container, service: 'web', slot: 1, node: 'worker-1', session, engineId: 'engine-1' },
    ...{ generation: 1, specHash, image: 'nginx', replaces: null, queueDeadline: '2030-01-01T00:00:00.000Z' },
    ...{ candidates: [], filtered: [] },
  },
  meta,
});
const append = async (event: NewEvent) => {
  const { last } = await api.log.append([event]);
  await api.projector.waitFor(last);
  return last;
};

test('only the writer who knows the present service changes it', async () => {
  await put({});
  const first = await tagOf('/service/web');
  const scaled = await scale(5, { 'if-match': first });
  assert.is(scaled.status, 202, scaled.text);
  const second = await tagOf('/service/web');
  assert.is(scaled.headers.etag, second);
  assert.is.not(second, first);
  const late = await scale(7, { 'if-match': first });
  assert.equal(outcome(late), failed);
  assert.is(late.headers.etag, second);
  assert.ok(late.body.detail.includes(second), late.body.detail);
  assert.is(late.body.errors[0].field, 'If-Match');
  assert.is((await api.call('GET', '/service/web')).body.replicas, 5);
  assert.equal(outcome(await scale(7, { 'if-match': `${first}, ${second}` })), 202);
});

test('of writers with the same tag, on two managers, one wins', async () => {
  await put({});
  for (let round = 0; round < 5; round += 1) {
    const tag = await tagOf('/service/web');
    const racing = Array.from({ length: 8 }, (_, n) =>
      scale(10 * round + n + 10, { 'if-match': tag }, n % 2 === 0 ? api : other),
    );
    const answers = (await Promise.all(racing)).map(outcome);
    assert.is(answers.filter((answer) => answer === 202).length, 1, JSON.stringify(answers));
    assert.is(answers.filter((answer) => Array.isArray(answer) && answer[1] === 'precondition_failed').length, 7);
  }
  assert.is((await api.events('ServiceScaled')).length, 5);
});

test('of writers that create if there is none, one wins', async () => {
  const racing = Array.from({ length: 8 }, (_, n) =>
    (n % 2 === 0 ? api : other).call('POST', '/service', {
      body: oneService('web', n + 1),
      headers: { 'if-none-match': '*' },
    }),
  );
  const answers = (await Promise.all(racing)).map(outcome);
  assert.is(answers.filter((answer) => answer === 202).length, 1, JSON.stringify(answers));
});

test('the repeat of an accepted change has the first answer, not 412', async () => {
  await put({});
  const headers = { 'if-match': await tagOf('/service/web'), 'idempotency-key': 'one' };
  const first = await scale(5, headers);
  assert.is(first.status, 202);
  await scale(6, {});
  const repeat = await scale(5, headers);
  assert.equal([repeat.status, repeat.text, repeat.headers.etag], [202, first.text, first.headers.etag]);
  assert.is(repeat.headers['idempotent-replayed'], 'true');
  const elsewhere = await scale(5, { ...headers, 'idempotency-key': 'two' });
  assert.equal(outcome(elsewhere), failed);
});

test('* creates only what is absent and changes only what is present', async () => {
  assert.equal(outcome(await put({ 'if-match': '*' })), failed);
  assert.equal(outcome(await put({ 'if-none-match': '*' })), 202);
  assert.equal(outcome(await put({ 'if-none-match': '*' })), failed);
  assert.equal(outcome(await put({ 'if-match': '*' })), 202);
  const both = { services: [...oneService('web').services, ...oneService('shop').services] };
  assert.equal(outcome(await put({ 'if-match': '*' }, both)), failed);
  assert.equal(outcome(await put({ 'if-none-match': '*' }, both)), failed);
  assert.equal((await api.call('GET', '/service/shop')).status, 404);
  assert.equal(outcome(await put({ 'if-match': '"1-1"' }, both)), [400, 'header_invalid']);
});

test('weak tags match for If-None-Match and never for If-Match', async () => {
  await put({});
  const tag = await tagOf('/service/web');
  assert.equal(outcome(await scale(5, { 'if-match': `W/${tag}` })), failed);
  assert.equal(outcome(await scale(5, { 'if-none-match': `"x,y", W/${tag}` })), failed);
  assert.equal(outcome(await scale(5, { 'if-none-match': '"x", "y"' })), 202);
  const now = await tagOf('/service/web');
  assert.is((await api.call('GET', '/service/web', { headers: { 'if-none-match': `W/${now}` } })).status, 304);
  assert.is((await api.call('GET', '/service/web', { headers: { 'if-none-match': '"x", "y"' } })).status, 200);
  assert.equal(outcome(await api.call('GET', '/service/web', { headers: { 'if-match': `W/${now}` } })), failed);
  assert.equal(outcome(await api.call('GET', '/service_state', { headers: { 'if-match': '"0"' } })), failed);
  assert.equal(outcome(await api.call('GET', '/service/web', { headers: { 'if-match': `${now}, "x"` } })), 200);
});

test('what is no list of tags is refused by name, quickly', async () => {
  await put({});
  for (const value of ['7', '"a" "b"', '*, "a"', `"a"${', '.repeat(4_000)}x`]) {
    for (const name of ['If-Match', 'If-None-Match']) {
      const answer = await scale(5, { [name]: value });
      assert.equal(outcome(answer), [400, 'header_invalid']);
      assert.is(answer.body.errors[0].field, name);
    }
    assert.equal(outcome(await api.call('GET', '/service/web', { headers: { 'if-match': value } })), [
      400,
      'header_invalid',
    ]);
  }
});

test('what would be refused without a precondition is refused so with one', async () => {
  assert.equal(outcome(await scale(5, { 'if-match': '"1-1"' })), [404, 'service_not_found']);
  const remove = await api.call('DELETE', '/node/worker-1', { headers: { 'if-match': '*' } });
  assert.equal(outcome(remove), [404, 'node_not_found']);
});

test('other services, and facts of the cluster, do not refuse a change', async () => {
  await put({});
  const tag = await tagOf('/service/web');
  await put({}, oneService('shop'));
  assert.is.not(await tagOf('/service/web'), tag);
  assert.equal(outcome(await scale(5, { 'if-match': tag })), 202);
});

test('a node is read with its tag and changed by it; a removal has none', async () => {
  const session = await append(registered('worker-1'));
  const read = await api.call('GET', '/node/worker-1');
  assert.equal([read.status, read.body.node, read.body.position], [200, 'worker-1', api.projector.view.factPosition]);
  const headers = { 'if-match': String(read.headers.etag) };
  const cordoned = await api.call('POST', '/node/worker-1/cordon', { headers });
  assert.is(cordoned.status, 202);
  assert.is(cordoned.headers.location, '/node/worker-1');
  assert.is(cordoned.headers.etag, await tagOf('/node/worker-1'));
  assert.equal(outcome(await api.call('POST', '/node/worker-1/drain', { headers })), failed);
  const data = { node: 'worker-1', session, lastHeardAt: null, silentMs: 0 };
  await append({ stream: streams.node('worker-1'), type: 'NodeLost', data, meta });
  const removed = await api.call('DELETE', '/node/worker-1', { headers: { 'if-match': '*' } });
  assert.equal([removed.status, removed.headers.etag], [202, undefined]);
  assert.equal(outcome(await api.call('GET', '/node/worker-1')), [404, 'node_not_found']);
  assert.is((await api.call('GET', `/node/worker-1?at=${read.body.position}`)).headers.etag, read.headers.etag);
});

test('a container is read with its tag', async () => {
  assert.equal(outcome(await api.call('GET', '/container/web.1-4k')), [404, 'container_not_found']);
  const { body } = await put({});
  const session = await append(registered('worker-1'));
  const id = `web.1-${body.position.toString(36)}`;
  const position = await append(queued(id, api.projector.view.services.get('web')!.specHash, session));
  const tag = `"1-${position}"`;
  const read = await api.call('GET', `/container/${id}`);
  assert.equal([read.status, read.body.container, read.body.state, read.headers.etag], [200, id, 'in queue', tag]);
  const again = await api.call('GET', `/container/${id}`, { headers: { 'if-none-match': tag } });
  assert.is(again.status, 304);
});

test('tokens exist or not, and have no tags', async () => {
  const issue = { body: { name: 'ci', scopes: ['read'] } };
  assert.equal(outcome(await api.call('POST', '/token', { ...issue, headers: { 'if-match': '*' } })), failed);
  assert.equal(outcome(await api.call('POST', '/token', { ...issue, headers: { 'if-none-match': '*' } })), 201);
  assert.equal(outcome(await api.call('DELETE', '/token/ci', { headers: { 'if-match': '"1-1"' } })), failed);
  assert.equal(outcome(await api.call('DELETE', '/token/ci', { headers: { 'if-match': '*' } })), 202);
});

test.run();
