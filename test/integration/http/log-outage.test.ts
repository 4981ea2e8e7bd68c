/** While the log does not answer, changes are 503 and reads of the view go on; afterwards everything works again. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openEventStream } from '../../support/http/event-stream.ts';
import { oneService, startApi, type TestApi } from '../../support/http/http.ts';
import { createFaultyLog, openMemoryLog } from '../../support/http/http-logs.ts';
import { until } from '../../support/wait.ts';

const test = suite('the log away, over HTTP');
let faulty: ReturnType<typeof createFaultyLog>;
let api: TestApi;

test.before.each(async () => {
  faulty = createFaultyLog(await openMemoryLog());
  api = await startApi(faulty.log);
  await api.call('POST', '/service', { body: oneService('web', 3) });
});
test.after.each(async () => {
  faulty.setAway(false);
  await api.close();
  await api.log.close();
});

const recordedPaths = async () =>
  (await api.events('ApiReadsRecorded')).flatMap(({ data }) =>
    'calls' in data ? data.calls.map(({ path }) => path) : [],
  );

test('a change is 503 with Retry-After, and its Idempotency-Key can be used again', async () => {
  const call = { body: oneService('api', 1), headers: { 'idempotency-key': 'k1' } };
  faulty.setAway(true);
  const refused = await api.call('POST', '/service', call);
  assert.is(refused.status, 503);
  assert.is(refused.body.code, 'log_unavailable');
  assert.is(refused.headers['retry-after'], '1');
  faulty.setAway(false);
  const accepted = await api.call('POST', '/service', call);
  assert.is(accepted.status, 202);
});

test('a change whose outcome was unknown takes effect once', async () => {
  const call = { body: oneService('api', 1), headers: { 'idempotency-key': 'k1' } };
  faulty.loseNextAnswer();
  assert.is((await api.call('POST', '/service', call)).status, 503);
  const repeat = await api.call('POST', '/service', call);
  assert.is(repeat.status, 202);
  assert.equal(repeat.body.services, [{ serviceName: 'api', generation: 1, changed: true }]);
  const asked = (await api.events('ServiceRequested')).filter(({ stream }) => stream === 'service/api');
  assert.is(asked.length, 1);
});

test('reads of the view go on with their position', async () => {
  const before = await api.call('GET', '/service_state');
  faulty.setAway(true);
  const during = await api.call('GET', '/service_state');
  assert.is(during.status, 200);
  assert.equal(during.body, before.body);
  assert.is((await api.call('GET', '/service/web')).body.replicas, 3);
  assert.is((await api.call('GET', '/events')).status, 503);
});

test('a stream survives the outage', async () => {
  const client = await openEventStream(api.url, '/events?class=fact');
  await until('the replay arrives', () => client.events.length === 2);
  faulty.setAway(true);
  assert.is((await api.call('POST', '/service', { body: oneService('api', 1) })).status, 503);
  faulty.setAway(false);
  await api.call('POST', '/service', { body: oneService('api', 1) });
  await until('it goes on', () =>
    client.events.some(({ event, data }) => event === 'ServiceRequested' && data.position > 2),
  );
  client.close();
});

test('calls during the outage are recorded after it, each once', async () => {
  faulty.setAway(true);
  for (let n = 0; n < 5; n += 1) await api.call('GET', `/service/none-${n}`);
  await until('the recorder has tried', () => faulty.refusals() > 0);
  faulty.setAway(false);
  await until('the calls are recorded', async () => (await api.events('ApiReadsRecorded')).length > 0);
  await api.close();
  assert.equal(await recordedPaths(), [
    '/service/none-0',
    '/service/none-1',
    '/service/none-2',
    '/service/none-3',
    '/service/none-4',
  ]);
  api = await startApi(faulty.log);
});

test('calls whose record has an unknown outcome are recorded once', async () => {
  faulty.loseNextAnswer();
  await api.call('GET', '/service/none');
  await until('the record is in the log', async () => (await recordedPaths()).length > 0);
  // Tries again what it has no answer for.
  await api.close();
  assert.equal(await recordedPaths(), ['/service/none']);
  api = await startApi(faulty.log);
});

test('an unexpected error is 500 and shows nothing of its message', async () => {
  faulty.failNext(new Error('mongodb://root:hunter2@db:27017 broke'));
  const { status, text, headers } = await api.call('POST', '/service', { body: oneService('api', 1) });
  assert.is(status, 500);
  assert.not.match(text, /hunter2|mongodb/);
  assert.match(String(headers['content-type']), /problem\+json/);
});

test.run();
