/** POST /join and DELETE /node: who is let in, by which token, and what the broker is asked. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AppError } from '../../../src/errors.ts';
import type { Members } from '../../../src/http/request/members.ts';
import { startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';

const test = suite('join');
const root = { name: 'root', token: 'root-token-of-the-file', scope: 'admin' as const };
const node = 'worker-6';
let api: TestApi;
/** What the broker did. */
let calls: string[];
let failure: { [method in keyof Members]?: AppError };

const members: Members = {
  refuseTaken: (name) => act('refuseTaken', name),
  async admit(name) {
    await act('admit', name);
    return { clusterId: api.status.cluster.id, cluster: 'test', node: name, amqpUrl: 'amqp://u:p@b', amqpCa: null };
  },
  remove: (name) => act('remove', name),
};

async function act(method: keyof Members, name: string): Promise<void> {
  if (failure[method]) throw failure[method];
  calls.push(`${method} ${name}`);
}

test.before.each(async () => {
  [calls, failure] = [[], {}];
  api = await startApi(await openMemoryLog(), { tokens: [root], members });
});
test.after.each(async () => {
  await api.close();
  await api.log.close();
});

const by = (token: string) => ({ authorization: `Bearer ${token}` });
const issue = async (scopes = ['join']): Promise<{ text: string; token: string; name: string }> => {
  const body = { name: `join-${Math.random().toString(16).slice(2, 8)}`, scopes };
  return (await api.call('POST', '/token', { body, headers: by(root.token) })).body;
};
const join = (token: string, body: object = { node }) => api.call('POST', '/join', { body, headers: by(token) });

test('a token lets one node in, and the log says which', async () => {
  const { text, token, name } = await issue();
  const { status, body } = await join(text);
  assert.is(status, 201);
  const { position, ...membership } = body;
  assert.equal(membership, {
    ...{ clusterId: api.status.cluster.id, cluster: 'test', node, amqpUrl: 'amqp://u:p@b', amqpCa: null },
  });
  const [used] = await api.events('TokenUsed');
  assert.is(used?.position, position);
  assert.equal(used?.data, { token, name, node });
  assert.not.match(JSON.stringify(used), /amqp/);
  assert.equal(calls, [`refuseTaken ${node}`, `admit ${node}`]);
});

test('a second use is refused and changes nothing on the broker, also when both come at once', async () => {
  const { text } = await issue();
  const answers = await Promise.all([join(text), join(text, { node: 'worker-7' })]);
  assert.equal(answers.map(({ status }) => status).toSorted(), [201, 401]);
  assert.is((await join(text)).status, 401);
  assert.is(calls.filter((call) => call.startsWith('admit')).length, 1);
  assert.is((await api.events('TokenUsed')).length, 1);
});

test('a revoked token, one of another scope, and none at all let nobody in', async () => {
  const { text, token } = await issue();
  await api.call('DELETE', `/token/${token}`, { headers: by(root.token) });
  assert.is((await join(text)).status, 401);
  assert.is((await join((await issue(['write', 'secrets'])).text)).status, 403);
  assert.is((await join(root.token)).status, 403);
  assert.is((await api.call('POST', '/join', { body: { node } })).status, 401);
  assert.equal(calls, []);
});

test('a join token allows nothing else', async () => {
  const { text } = await issue();
  assert.is((await api.call('GET', '/state', { headers: by(text) })).status, 403);
  assert.is((await join(text)).status, 201);
});

test('bodies that name no node are refused, and the token stays valid', async () => {
  const { text } = await issue();
  for (const body of [{}, { node: 'Worker_6' }, { node, admin: true }]) {
    const { status, body: problem } = await join(text, body);
    assert.equal([status, problem.code], [400, 'body_invalid']);
  }
  assert.is((await join(text)).status, 201);
});

test('a user of that name that is no node keeps its password, and the token stays valid', async () => {
  const { text } = await issue();
  failure.refuseTaken = new AppError('broker_user_taken', 'taken');
  const { status, body } = await join(text, { node: 'guest' });
  assert.equal([status, body.code], [409, 'broker_user_taken']);
  failure = {};
  assert.is((await join(text)).status, 201);
});

test('a broker that ends in between has used the token up, and the refusal says so', async () => {
  const { text } = await issue();
  failure.admit = new AppError('broker_unavailable', 'it does not answer', { retryable: true });
  const { status, body } = await join(text);
  assert.equal([status, body.code], [503, 'broker_unavailable']);
  assert.match(body.detail, /it does not answer; the token is used up: issue another/);
  failure = {};
  assert.is((await join(text)).status, 401);
});

test('DELETE takes the user of a node that never registered, too', async () => {
  const removed = await api.call('DELETE', `/node/${node}`, { headers: by(root.token) });
  assert.equal([removed.status, removed.body.code], [404, 'node_not_found']);
  assert.equal(calls, [`remove ${node}`]);
});

test('a manager without the management API says what it lacks, and the token stays valid', async () => {
  const { text, token } = await issue();
  const plain = await startApi(api.log, { tokens: [root] });
  const { status, body } = await plain.call('POST', '/join', { body: { node }, headers: by(text) });
  await plain.close();
  assert.equal([status, body.code], [501, 'join_not_configured']);
  assert.match(body.detail, /--amqp-management/);
  assert.ok(api.projector.view.tokens.has(token));
});

test.run();
