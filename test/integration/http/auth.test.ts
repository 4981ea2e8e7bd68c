/** Who may call, and that every call is in the log: accepted, refused or read. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventData } from '../../../src/events/schema/catalog.ts';
import { oneService, startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';
import { until } from '../../support/wait.ts';

const test = suite('auth and the record of calls');
const tokens = [
  { name: 'ada', token: 'ada-token', scope: 'write' as const },
  { name: 'ben', token: 'ben-token', scope: 'read' as const },
];
let api: TestApi;

const start = async (options: Parameters<typeof startApi>[1] = {}) => {
  api = await startApi(await openMemoryLog(), options);
};
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

test.after.each(async () => {
  await api.close();
  await api.log.close();
});

const recordedCalls = async () =>
  (await api.events('ApiReadsRecorded')).flatMap(({ data }) => (data as EventData<'ApiReadsRecorded'>).calls);
const recordedCall = (what: string, matches: (call: EventData<'ApiReadsRecorded'>['calls'][number]) => boolean) =>
  until(what, async () => (await recordedCalls()).find(matches));

test('a method longer than any known one is recorded, and the calls beside it too', async () => {
  await start({ recordEveryMs: 200 });
  const [long, other] = [api.call('UNSUBSCRIBE', '/state'), api.call('GET', '/service/none')];
  assert.is((await long).status, 405);
  await other;
  await recordedCall('the other call', ({ path }) => path === '/service/none');
  await api.close();
  const refusals = await api.events('RequestRefused');
  const methods = [...refusals.map(({ data }) => data), ...(await recordedCalls())].map((call) => Object(call).method);
  assert.ok(methods.includes('UNSUBSCRIB'), methods.join());
});

test('without a token everything but the probes is 401, unknown paths too', async () => {
  await start({ tokens });
  for (const [method, path] of [
    ['GET', '/service_state'],
    ['POST', '/service'],
    ['GET', '/nothing'],
    ['GET', '/docs/json'],
    ['GET', '/metrics'],
    ['GET', '/events'],
  ] as const) {
    const { status, body, headers } = await api.call(method, path);
    assert.is(status, 401, path);
    assert.is(body.code, 'unauthenticated');
    assert.is(headers['www-authenticate'], 'Bearer');
  }
  assert.is((await api.call('GET', '/healthz')).status, 200);
  assert.is((await api.call('GET', '/readyz')).status, 200);
});

test('a wrong token is 401 and recorded as telemetry of an unknown caller, without the token', async () => {
  await start({ tokens });
  const { status } = await api.call('POST', '/service?token=oops', {
    body: oneService(),
    headers: bearer('wrong-token'),
  });
  assert.is(status, 401);
  const call = await recordedCall('the refusal is recorded', ({ method }) => method === 'POST');
  assert.equal([call.actor, call.path, call.status], ['unknown', '/service', 401]);
  assert.not.match(JSON.stringify(await recordedCalls()), /wrong-token|oops/);
  assert.equal(await api.events('RequestRefused'), []);
});

test('a read token reads and its change is refused as a fact', async () => {
  await start({ tokens });
  assert.is((await api.call('GET', '/service_state', { headers: bearer('ben-token') })).status, 200);
  const { status, body } = await api.call('POST', '/service', { body: oneService(), headers: bearer('ben-token') });
  assert.is(status, 403);
  assert.is(body.code, 'forbidden');
  const [refusal] = await until('the refusal is recorded', async () => {
    const found = await api.events('RequestRefused');
    return found.length > 0 ? found : null;
  });
  assert.is(refusal?.meta.actor, 'person:ben');
  assert.is(api.projector.view.services.size, 0);
});

test('two tokens of one owner do not lend each other their scope', async () => {
  const both = [
    { name: 'ada', token: 'ada-read-token', scope: 'read' as const },
    { name: 'ada', token: 'ada-write-token', scope: 'write' as const },
  ];
  for (const given of [both, both.toReversed()]) {
    await start({ tokens: given });
    const post = (token: string) => api.call('POST', '/service', { body: oneService(), headers: bearer(token) });
    assert.equal([(await post('ada-read-token')).status, (await post('ada-write-token')).status], [403, 202]);
    if (given === both) await api.close();
  }
});

test('an accepted change has the owner of the token as its actor and is not recorded twice', async () => {
  await start({ tokens });
  const { status } = await api.call('POST', '/service', { body: oneService(), headers: bearer('ada-token') });
  assert.is(status, 202);
  await api.call('GET', '/service_state', { headers: bearer('ada-token') });
  await recordedCall('the read is recorded', ({ path }) => path === '/service_state');
  const [event] = await api.events('ServiceRequested');
  assert.is(event?.meta.actor, 'person:ada');
  assert.equal(
    (await recordedCalls()).map(({ method }) => method),
    ['GET'],
  );
});

test('reads are recorded one by one without their query, probes are not', async () => {
  await start();
  await api.call('GET', '/healthz');
  await api.call('GET', '/service_state?service=web');
  await api.call('GET', '/service/none');
  await recordedCall('both reads are recorded', ({ path }) => path === '/service/none');
  const calls = await recordedCalls();
  assert.equal(
    calls.map(({ actor, path, status }) => [actor, path, status]),
    [
      ['person:local', '/service_state', 200],
      ['person:local', '/service/none', 404],
    ],
  );
  assert.is(new Set(calls.map(({ requestId }) => requestId)).size, 2);
});

test('calls that wait to be recorded are written when the server closes', async () => {
  await start();
  await api.call('GET', '/service_state');
  await api.call('DELETE', '/service/none');
  await api.close();
  assert.is((await recordedCalls()).length, 1);
  assert.is((await api.events('RequestRefused')).length, 1);
  api = await startApi(api.log);
});

test('a flood of refusals is a few facts, which count the others and say where they came from', async () => {
  await start();
  const floods = Array.from({ length: 300 }, (_, n) => api.call('DELETE', `/service/none-${n}`));
  await Promise.all(floods);
  await api.close();
  const facts = (await api.events('RequestRefused')).map(({ data }) => data as EventData<'RequestRefused'>);
  assert.ok(facts.length < 100, `${facts.length} facts`);
  assert.is(
    facts.reduce((sum, { count = 1 }) => sum + count, 0),
    300,
  );
  assert.equal([...new Set(facts.map(({ address }) => address))], ['127.0.0.1']);
  api = await startApi(api.log);
});

test('a flood of unknown callers is a few records, which count the others and say where they came from', async () => {
  await start({ tokens });
  const floods = Array.from({ length: 300 }, (_, n) => api.call('GET', '/state', { headers: bearer(`guess-${n}`) }));
  await Promise.all(floods);
  await api.close();
  const calls = await recordedCalls();
  assert.ok(calls.length < 100, `${calls.length} records`);
  assert.is(
    calls.reduce((sum, { count = 1 }) => sum + count, 0),
    300,
  );
  assert.equal([...new Set(calls.map(({ address }) => address))], ['127.0.0.1']);
  assert.equal([...new Set(calls.map(({ status }) => status))].sort(), [401, 429]);
  api = await startApi(api.log);
});

test('beyond loopback a call without a token is refused, also while there is none at all', async () => {
  await start({ host: '0.0.0.0' });
  const { status, body } = await api.call('GET', '/service_state');
  assert.equal([status, body.code], [401, 'unauthenticated']);
});

test('without tokens a foreign host name is refused, so a rebound name reaches nothing', async () => {
  await start();
  const { status, body } = await api.call('GET', '/service_state', { headers: { host: 'evil.example:5000' } });
  assert.is(status, 403);
  assert.is(body.code, 'host_not_allowed');
  for (const host of ['localhost:5000', '127.0.0.1:5000', '[::1]:5000']) {
    assert.is((await api.call('GET', '/service_state', { headers: { host } })).status, 200, host);
  }
});

test('without tokens another site cannot change anything', async () => {
  await start();
  const { host } = new URL(api.url);
  const post = (headers: Record<string, string>) => api.call('POST', '/node/worker-1/drain', { headers });
  assert.is((await post({ origin: 'http://evil.example' })).body.code, 'cross_site');
  assert.is((await post({ origin: 'null' })).body.code, 'cross_site');
  assert.is((await post({ 'sec-fetch-site': 'cross-site' })).body.code, 'cross_site');
  assert.is((await post({ origin: `http://${host}` })).body.code, 'node_not_found');
});

test.run();
