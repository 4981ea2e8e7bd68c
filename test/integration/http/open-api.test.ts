/** The OpenAPI document: it is complete, and every answer of a read is as it says, whole. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { oneService, startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';
import {
  type CheckAnswer,
  createAnswerCheck,
  type NamedOperation,
  type OpenApiDocument,
  operationsOf,
} from '../../support/http/open-api.ts';
import { appendSeeds } from '../../support/http/seeds.ts';

const test = suite('OpenAPI document');
let api: TestApi;
let document: OpenApiDocument;
let operations: NamedOperation[];
let check: CheckAnswer;

test.before(async () => {
  api = await startApi(await openMemoryLog(), { agent: { isAnswering: true } });
  await api.agent.run('web.1-4m');
  await api.projector.waitFor(await appendSeeds(api.log));
  document = (await api.call('GET', '/docs/json')).body;
  operations = operationsOf(document);
  check = createAnswerCheck(document);
});
test.after(async () => {
  await api.close();
  await api.log.close();
});

const named = (operationId: string) => operations.find(({ operation }) => operation.operationId === operationId)!;

test('every operation has a name of its own, a tag and a description of each answer', () => {
  const names = operations.map(({ operation }) => operation.operationId);
  assert.equal([...new Set(names)], names);
  assert.ok(names.length >= 27, `${names.length}`);
  for (const { operation } of operations) {
    assert.is(operation.tags.length, 1, operation.operationId);
    for (const [status, { description }] of Object.entries(operation.responses)) {
      assert.is.not(description, 'Default Response', `${operation.operationId} ${status}`);
    }
  }
});

test('every refusal has a schema whose codes are those of its status', () => {
  for (const { operation } of operations) {
    for (const [status, { content }] of Object.entries(operation.responses)) {
      if (Number(status) < 400 || content?.['application/json']) continue;
      const { allOf } = content!['application/problem+json']!.schema as {
        allOf: [{ $ref: string }, { properties: { code: { enum: string[] } } }];
      };
      assert.is(allOf[0].$ref, '#/components/schemas/Problem');
      assert.ok(allOf[1].properties.code.enum.length > 0);
    }
  }
  const codes = (operationId: string, status: number) => {
    const { schema } = named(operationId).operation.responses[status]!.content!['application/problem+json']!;
    return (schema as { allOf: { properties?: { code: { enum: string[] } } }[] }).allOf[1]!.properties!.code.enum;
  };
  assert.equal(codes('patchService', 404), ['service_not_found']);
  assert.equal(codes('patchService', 409), ['expectation_failed', 'mode_mismatch', 'service_removing']);
  assert.equal(codes('getService', 412), ['precondition_failed']);
});

test('every reference leads to a component, and every component is referred to', () => {
  const text = JSON.stringify(document);
  const references = new Set([...text.matchAll(/"\$ref":"([^"]*)"/g)].map(([, reference]) => reference!));
  const components = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
  assert.equal([...references].sort(), components.sort());
});

const reads = [
  ['getState', '/state'],
  ['getState', '/state?at=5'],
  ['getView', '/view'],
  ['getView', '/view?at=5'],
  ['getSession', '/session'],
  ['getDensity', '/density'],
  ['listServices', '/service_state'],
  ['listServices', '/service_state?at=5&state=progressing'],
  ['listNodes', '/node_state'],
  ['listContainers', '/container_state?ended=true'],
  ['getService', '/service/web'],
  ['getService', '/service/web?at=4'],
  ['getService', '/service/none'],
  ['getService', '/service/NONE'],
  ['getNode', '/node/worker-1'],
  ['getNode', '/node/none'],
  ['getGenerations', '/service/web/generations'],
  ['getGenerations', '/service/none/generations?limit=1'],
  ['getContainer', '/container/web.1-4k'],
  ['getContainer', '/container/web.1-4m'],
  ['getContainer', '/container/web.1-4z'],
  ['explainContainer', '/container/web.1-4k/why'],
  ['explainContainer', '/container/web.1-4m/why'],
  ['explainService', '/service/web/why'],
  ['explainService', '/service/none/why'],
  ['diff', '/diff?from=1'],
  ['diff', '/diff?from=4&to=8'],
  ['diff', '/diff'],
  ['listEvents', '/events'],
  ['listEvents', '/events?limit=2&direction=backward'],
  ['listEvents', '/events?format=ndjson'],
  ['listEvents', '/events?type=None'],
  ['readContainerLogs', '/container/web.1-4m/logs?tail=1&timestamps=true'],
  ['readContainerLogs', '/container/web.1-4k/logs'],
  ['readServiceLogs', '/service/web/logs'],
  ['readServiceLogs', '/service/none/logs'],
  ['readContainerStats', '/container/web.1-4m/stats'],
  ['readContainerStats', '/container/web.1-4z/stats'],
  ['execInContainer', '/container/web.1-4m/exec?command=ps'],
  ['listTokens', '/token'],
  ['listRegistryLogins', '/registry'],
  ['isAlive', '/healthz'],
  ['isReady', '/readyz'],
  ['getMetrics', '/metrics'],
  ['showLogin', '/login'],
  ['getState', '/state?at=999999'],
] as const;

for (const [operationId, path] of reads) {
  test(`GET ${path} is answered as ${operationId} says, with every member described`, async () => {
    const answer = await api.call('GET', path);
    assert.equal(check(named(operationId).operation, answer), []);
  });
}

test('every read of the document is among them', () => {
  const all = operations.filter(({ method }) => method === 'GET').map(({ operation }) => operation.operationId);
  const read = new Set<string>(reads.map(([operationId]) => operationId));
  assert.equal(
    all.filter((operationId) => !read.has(operationId)),
    [],
  );
});

test('an answer that the client has is described, too', async () => {
  for (const [operationId, path] of reads.filter(([id]) => Object.hasOwn(named(id).operation.responses, 304))) {
    const { headers } = await api.call('GET', path);
    if (headers.etag === undefined) continue;
    const again = await api.call('GET', path, { headers: { 'if-none-match': String(headers.etag) } });
    assert.is(again.status, 304, path);
    assert.equal(check(named(operationId).operation, again), []);
  }
});

const changes = [
  ['applyServices', 'POST', '/service', oneService('shop')],
  ['applyServices', 'POST', '/service', { services: [] }],
  ['patchService', 'PATCH', '/service/shop', { replicas: 2 }],
  ['patchService', 'PATCH', '/service/none', { replicas: 2 }],
  ['removeService', 'DELETE', '/service/shop', undefined],
  ['patchService', 'PATCH', '/service/shop', { replicas: 2 }],
  ['cordonNode', 'POST', '/node/worker-2/cordon', undefined],
  ['drainNode', 'POST', '/node/worker-2/drain', undefined],
  ['activateNode', 'POST', '/node/worker-2/activate', undefined],
  ['labelNode', 'PATCH', '/node/worker-2/labels', { zone: 'a', rack: null }],
  ['loseNode', 'POST', '/node/worker-2/lost', undefined],
  ['removeNode', 'DELETE', '/node/worker-2', undefined],
  ['issueToken', 'POST', '/token', { name: 'ci', scopes: ['read'] }],
  ['issueToken', 'POST', '/token', { name: 'ci', scopes: ['none'] }],
  ['revokeToken', 'DELETE', '/token/ci', undefined],
  ['revokeToken', 'DELETE', '/token/ci', undefined],
  ['whatIf', 'POST', '/whatif', { changes: [{ kind: 'kill', node: 'worker-1' }] }],
  ['whatIf', 'POST', '/whatif', { changes: [{ kind: 'kill', node: 'none' }] }],
  ['logIn', 'POST', '/login', { token: 'none' }],
  ['logOut', 'POST', '/logout', undefined],
] as const;

test('changes and their refusals are answered as the document says', async () => {
  const faults: string[] = [];
  for (const [operationId, method, path, body] of changes) {
    const answer = await api.call(method, path, body === undefined ? {} : { body });
    faults.push(...check(named(operationId).operation, answer));
  }
  assert.equal(faults, []);
});

test('a member that the schema lacks would be found', async () => {
  const { body } = await api.call('GET', '/service_state');
  assert.is(
    check(named('listServices').operation, {
      ...(await api.call('GET', '/service_state')),
      body: { ...body, extra: 1 },
    }).length,
    1,
  );
});

test.run();
