/**
 * A client as a user writes it, on types generated from the document: test/integration/http/client.test.ts makes a package of
 * them, compiles it and runs it. What must not compile says so.
 */

import assert from 'node:assert/strict';
import type { components, paths } from 'generated-types';
import createClient from 'openapi-fetch';

const client = createClient<paths>({ baseUrl: process.argv[2]! });
const path = { name: 'web' };

const container: components['schemas']['ContainerSpec'] = { name: 'web', image: 'nginx', ports: [{ container: 80 }] };
const services = [{ serviceName: 'web', replicas: 2, container }];
const onlyNew = { header: { 'If-None-Match': '*' } };

const created = await client.POST('/service', { params: onlyNew, body: { services } });
assert.equal(created.response.status, 202);
assert.deepEqual(created.data?.services, [{ serviceName: 'web', generation: 1, changed: true }]);

const again = await client.POST('/service', { params: onlyNew, body: { services } });
assert.equal(again.error?.code, 'precondition_failed');

const read = await client.GET('/service/{name}', { params: { path } });
const status: 'converged' | 'completed' | 'progressing' | 'degraded' | 'blocked' | 'paused' | 'removing' | undefined =
  read.data?.status;
assert.ok(status !== undefined);
const header = { 'If-Match': read.response.headers.get('etag')! };

const scaled = await client.PATCH('/service/{name}', { params: { path, header }, body: { replicas: 3 } });
assert.equal(scaled.response.status, 202);
const late = await client.PATCH('/service/{name}', { params: { path, header }, body: { replicas: 4 } });
switch (late.error?.code) {
  case 'precondition_failed':
    assert.match(late.error.detail, /has the tag/);
    break;
  default:
    assert.fail(`answered ${late.response.status} ${late.error?.code}`);
}

const missing = await client.GET('/service/{name}', { params: { path: { name: 'none' } } });
// @ts-expect-error: a read of a service never answers with this code
assert.notEqual(missing.error?.code === 'node_not_lost', true);
assert.equal(missing.error?.code, 'service_not_found');

// @ts-expect-error: a number of replicas is no text
const wrong = await client.PATCH('/service/{name}', { params: { path }, body: { replicas: '1' } });
assert.equal(wrong.error?.code, 'body_invalid');
assert.equal(wrong.error.errors?.[0]?.field, 'replicas');

const { data: nodes } = await client.GET('/node_state', { params: { query: { state: 'ready' } } });
assert.deepEqual(nodes?.nodes, []);
const { data: page } = await client.GET('/events', { params: { query: { type: 'ServiceScaled', limit: '10' } } });
assert.ok(typeof page === 'object');
assert.deepEqual(
  page.events.map(({ type, stream }) => [type, stream]),
  [['ServiceScaled', 'service/web']],
);
console.log('fine');
