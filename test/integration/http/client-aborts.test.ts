/** Long reads end when their client disconnects or their manager stops. */

import { request } from 'node:http';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventData } from '../../../src/events/schema/catalog.ts';
import { startApi, type TestApi } from '../../support/http/http.ts';
import { openSimulatedLog } from '../../support/log/simulated-log.ts';
import { applyFor, ask, runningOf, startScene } from '../../support/simulation/why-scenarios.ts';
import { specOf } from '../../support/specs.ts';
import { until } from '../../support/wait.ts';

const test = suite('the end of a question');
let api: TestApi;
let container: string;
/** How often the log was asked. */
let reads: number;
/** What is asked of the log waits until then. */
let open: () => void;

test.before.each(async () => {
  const cluster = startScene(3);
  ask(cluster, 'alice', applyFor('web', 2, specOf('nginx')));
  ask(cluster, 'alice', applyFor('web', 2, specOf('nginx:2')));
  [container] = runningOf(cluster, 'web') as [string];
  api = await startApi(await openSimulatedLog(cluster.events, cluster.nowMs));
  const { log } = api;
  const { read } = log;
  const { promise: opened, resolve } = Promise.withResolvers<void>();
  [reads, open] = [0, resolve];
  log.read = async (query) => {
    reads += 1;
    await opened;
    return read(query);
  };
});
test.after.each(async () => {
  open();
  await api.close();
  await api.log.close();
});

const largeQuestion = { changes: [{ kind: 'scale', service: 'web', replicas: 10_000 }] };

/** Waits for no answer. */
const send = (path: string) =>
  request(new URL(path, api.url), { agent: false })
    .on('error', () => {})
    .end();

const isAnswering = async () => (await api.call('POST', '/whatif', { body: largeQuestion })).status === 503;

test('a diff ends when its client disconnects, and the next one runs', async () => {
  const { log } = api;
  const { read } = log;
  let asked = 0;
  log.read = async ({ after = 0, before = 0 }) => {
    asked = after;
    return { events: [], next: before, head: before, pruned: [] };
  };
  const endless = send('/diff?from=1');
  await until('it reads', () => asked === 1);
  const next = send('/diff?from=2');
  endless.destroy();
  await until('the next one reads', () => asked === 2).finally(() => {
    log.read = read;
    open();
  });
  next.destroy();
});

test('a call is recorded also when its client disconnects before the end of the response', async () => {
  const recorded = async (path: string) =>
    (await api.events('ApiReadsRecorded'))
      .flatMap(({ data }) => (data as EventData<'ApiReadsRecorded'>).calls)
      .filter((call) => call.path === path)
      .map(({ status }) => status);
  const { position } = api.projector.view;
  const unanswered = send('/service/web/why');
  await until('it reads', () => reads > 0);
  unanswered.destroy();
  await until('something is recorded', () => api.projector.view.position > position);
  open();
  const followed = request(new URL('/events', api.url), { agent: false, headers: { accept: 'text/event-stream' } });
  followed.on('response', (response) => response.once('data', () => followed.destroy())).on('error', () => {});
  followed.end();
  await until('that is recorded', async () => (await recorded('/events')).length > 0);
  assert.equal([await recorded('/service/web/why'), await recorded('/events')], [[499], [200]]);
});

for (const path of ['/diff?from=1', '/container/:id/why', '/service/web/why']) {
  test(`GET ${path} ends when the manager is told to stop`, async () => {
    const answer = api.call('GET', path.replace(':id', container));
    await until('it reads', () => reads > 0);
    const readsThen = reads;
    const closed = api.close();
    open();
    const { status, body } = await answer;
    assert.equal([status, body.code, reads], [503, 'stopping', readsThen]);
    await closed;
  });
}

test('a what-if ends when the manager stops', async () => {
  const answer = api.call('POST', '/whatif', { body: largeQuestion });
  await until('it is being answered', isAnswering);
  const closed = api.close();
  const { status, body } = await answer;
  assert.equal([status, body.code], [503, 'stopping']);
  await closed;
});

test.run();
