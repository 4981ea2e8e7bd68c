/** POST /whatif: a reader may ask, the answer is the planner's, and the log holds no fact that was not there before. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type NewEvent, streams } from '../../../src/events/schema/event.ts';
import { oneService, startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';
import { until } from '../../support/wait.ts';

const test = suite('what if over HTTP');
let api: TestApi;

const reader = { name: 'reader', token: 'reader-token-0123456789', scope: 'read' } as const;
const writer = { name: 'writer', token: 'writer-token-0123456789', scope: 'write' } as const;
const as = ({ token }: { token: string }) => ({ authorization: `Bearer ${token}` });

const registered = (node: string): NewEvent => ({
  stream: streams.node(node),
  type: 'NodeRegistered',
  data: {
    node,
    registrationId: '11111111-1111-4111-8111-111111111111',
    engine: { kind: 'simulated', engineId: `engine-${node}`, version: '1', memoryBytes: 2 ** 30, cpuMillis: 4_000 },
    hostname: node,
    agentVersion: '0.1.0',
    labels: [],
    inventory: [],
  },
  meta: { actor: `node:${node}`, causationId: null },
});

const ask = (body: unknown, who: { token: string } = reader) => api.call('POST', '/whatif', { body, headers: as(who) });

test.before.each(async () => {
  api = await startApi(await openMemoryLog(), { tokens: [reader, writer], recordEveryMs: 10 });
  const { last } = await api.log.append(['worker-1', 'worker-2', 'worker-3'].map(registered));
  await api.projector.waitFor(last);
  await api.call('POST', '/service', { body: oneService(), headers: as(writer) });
});
test.after.each(async () => {
  await api.close();
  await api.log.close();
});

test('a what-if needs the read scope only and writes no fact', async () => {
  const { position } = api.projector.view;
  const view = structuredClone({ ...api.projector.view });
  const { status, body } = await ask({ changes: [{ kind: 'scale', service: 'web', replicas: 5 }] });
  assert.is(status, 200);
  assert.is(body.position, position);
  assert.is(body.verdict.kind, 'converges');
  const [web] = body.services;
  assert.equal([web.service, web.before.running, web.after.running, web.placed], ['web', 0, 5, 5]);
  assert.equal(structuredClone({ ...api.projector.view }), view, 'the live view');
  const { events } = await api.log.read({ after: position, class: 'fact' });
  assert.equal(events, []);
  await until('the call is recorded as a read', async () =>
    (await api.events('ApiReadsRecorded')).some(
      (event) => event.type === 'ApiReadsRecorded' && event.data.calls.some(({ path }) => path === '/whatif'),
    ),
  );
});

test('a what-if begins at a position of the past', async () => {
  const { position } = await api.log.head();
  await api.call('POST', '/service', { body: oneService('web', 9), headers: as(writer) });
  const question = { changes: [{ kind: 'drain', node: 'worker-1' }] };
  const [then, now] = [await ask({ ...question, at: String(position) }), await ask(question)];
  assert.is(then.body.position, position);
  assert.equal([then.body.services[0].after.running, now.body.services[0].after.running], [3, 9]);
});

test('an invalid what-if is refused by code', async () => {
  const scale = { kind: 'scale', service: 'web', replicas: 5 };
  const cases: [body: unknown, status: number, code: string][] = [
    [{ changes: [] }, 400, 'body_invalid'],
    [{ changes: [{ kind: 'scale', service: 'web' }] }, 400, 'body_invalid'],
    [{ changes: [{ kind: 'explode', node: 'worker-1' }] }, 400, 'body_invalid'],
    [{ changes: [scale], withinMs: 3_600_001 }, 400, 'body_invalid'],
    [{ changes: [scale], at: '999999' }, 404, 'moment_in_future'],
    [{ changes: [{ ...scale, service: 'nobody' }] }, 404, 'service_not_found'],
    [{ changes: [{ kind: 'kill', node: 'worker-9' }] }, 404, 'node_not_found'],
  ];
  for (const [body, status, code] of cases) {
    const answer = await ask(body);
    assert.equal([answer.status, answer.body.code], [status, code], JSON.stringify(body));
  }
  const { body } = await ask({ changes: [{ kind: 'explode', node: 'worker-1' }] });
  assert.match(body.detail, /^changes\[0\] must be .*"kind": "scale"/);
});

test('more replicas than a question may ask for are refused, and the rule says how many', async () => {
  const services = ['web', 'api', 'db'];
  for (const name of services) await api.call('POST', '/service', { body: oneService(name), headers: as(writer) });
  const { status, body } = await ask({
    changes: services.map((service) => ({ kind: 'scale', service, replicas: 10_000 })),
  });
  assert.equal([status, body.code], [422, 'whatif_too_large']);
  const [{ field, rule }] = body.errors;
  assert.equal([field, rule], ['changes', 'must not scale to more than 20000 replicas together']);
});

test('a what-if beside another is refused for now', async () => {
  const question = { changes: [{ kind: 'scale', service: 'web', replicas: 1_000 }] };
  const answers = await Promise.all([ask(question), ask(question), ask(question)]);
  const codes = answers.map(({ status, body }) => `${status} ${body.code ?? ''}`).toSorted();
  assert.equal(codes, ['200 ', '503 whatif_busy', '503 whatif_busy']);
  assert.is((await ask(question)).status, 200);
});

test.run();
