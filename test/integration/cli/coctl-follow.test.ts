/** A wait follows the events of a manager: it asks for state when something happened, and hardly while nothing does. */

import { setTimeout as pause } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { coctl } from '../../support/cluster/cli.ts';
import { type CountingProxy, openCountingProxy } from '../../support/http/counting-proxy.ts';
import { oneService, startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';
import { until } from '../../support/wait.ts';

const test = suite('coctl follows');
let api: TestApi;
let proxy: CountingProxy;

/** Nothing reconciles: what is asked for never comes, until it is removed. */
test.before.each(async () => {
  api = await startApi(await openMemoryLog());
  proxy = await openCountingProxy(api.url);
  await api.call('POST', '/service', { body: oneService('web') });
});
test.after.each(async () => {
  await proxy.close();
  await api.close();
  await api.log.close();
});

const stateCalls = () => proxy.asked.filter((path) => path.includes('_state')).length;
const streamCalls = () => proxy.asked.filter((path) => path.startsWith('/events'));
/** Long enough for a poll, were there one. */
const idleMs = 4_000;
/** Far less than what is waited without facts. */
const promptMs = 10_000;

const start = (line: string) => {
  const stopping = new AbortController();
  let out = '';
  const options = { environment: { CO_URL: proxy.url }, signal: stopping.signal };
  const ended = coctl(line.split(' '), {
    ...options,
    onOut: (text) => {
      out += text;
    },
  });
  return { ended, out: () => out, stop: () => stopping.abort() };
};
const settled = async () => {
  await until('the stream is open', () => streamCalls().length > 0);
  await until('the first answer', () => stateCalls() > 0);
  await quiet();
};
/** Nothing is asked any more, as it would be by a poll. */
const quiet = () =>
  until('it is quiet', async () => {
    const before = stateCalls();
    await pause(1_500);
    return stateCalls() === before;
  });

test('an idle wait asks nothing, and what happens is seen at once', async () => {
  const { ended } = start('run api nginx --timeout 1m');
  await settled();
  const before = stateCalls();
  await pause(idleMs);
  assert.is(stateCalls(), before);
  assert.match(streamCalls().join(), /service=api/);
  const removedMs = performance.now();
  await api.call('DELETE', '/service/api');
  const { code, err } = await ended;
  assert.ok(performance.now() - removedMs < promptMs);
  assert.is(code, 4);
  assert.match(err, /^api did not converge: it was removed meanwhile/m);
  assert.ok(before <= 6 && stateCalls() <= before + 4, proxy.asked.join('\n'));
});

test('many facts are a few questions', async () => {
  const { ended, stop } = start('rollout status web');
  await settled();
  const before = stateCalls();
  for (let replicas = 1; replicas <= 40; replicas += 1) await api.call('PATCH', '/service/web', { body: { replicas } });
  stop();
  await ended;
  assert.ok(stateCalls() - before < 40, `${stateCalls() - before} questions after 40 changes`);
});

test('while the stream is broken it asks now and then, and goes on behind what it has', async () => {
  const { ended } = start('run api nginx --timeout 1m');
  await settled();
  const before = stateCalls();
  proxy.refuseStreams();
  await until('it asks by itself', () => stateCalls() >= before + 4);
  proxy.allowStreams();
  const refused = streamCalls().length;
  await until('it follows again', () => streamCalls().length > refused);
  await quiet();
  await api.call('DELETE', '/service/api');
  assert.is((await ended).code, 4);
});

test('without a stream at all the end is seen as well', async () => {
  proxy.refuseStreams();
  const { ended } = start('run api nginx --timeout 1m');
  await until('it asks', () => stateCalls() >= 4);
  await api.call('DELETE', '/service/api');
  assert.is((await ended).code, 4);
});

test('several services are followed over one stream, and only what happened to one is asked for', async () => {
  await api.call('POST', '/service', { body: oneService('api') });
  const { ended } = start('scale web=5 api=5 --timeout 1m');
  await settled();
  assert.is(streamCalls().length, 1);
  const before = proxy.asked.length;
  await api.call('DELETE', '/service/api');
  await until('api is asked for', () => proxy.asked.slice(before).some((path) => path.includes('service=api')));
  assert.not.match(proxy.asked.slice(before).join(), /service=web/);
  await api.call('DELETE', '/service/web');
  assert.match((await ended).err, /^web did not converge: it was removed meanwhile$/m);
});

test('a table that is watched is read when something happened, not besides', async () => {
  const { ended, out, stop } = start('services --watch');
  await settled();
  const before = stateCalls();
  await pause(idleMs);
  assert.is(stateCalls(), before);
  const shown = out();
  await api.call('POST', '/service', { body: oneService('later') });
  await until('the other table', () => out().includes('later'), promptMs);
  assert.ok(stateCalls() <= before + 3);
  assert.is(shown.match(/SERVICE/g)?.length, 1, 'ages alone make no other table');
  stop();
  assert.is((await ended).code, 130);
});

test.run();
