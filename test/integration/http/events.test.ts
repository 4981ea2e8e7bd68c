/** The log over HTTP: pages, NDJSON, and streams without a gap or a repeat at the seam. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openEventStream } from '../../support/http/event-stream.ts';
import { oneService, startApi, type TestApi } from '../../support/http/http.ts';
import { httpLogs } from '../../support/http/http-logs.ts';
import { until } from '../../support/wait.ts';

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n);

for (const { name, open } of httpLogs) {
  const test = suite(`events over HTTP on the ${name} log`);
  let api: TestApi;

  test.before.each(async () => {
    api = await startApi(await open());
  });
  test.after.each(async () => {
    await api.close();
    await api.log.close();
  });

  const post = (service: string, replicas = 1) => api.call('POST', '/service', { body: oneService(service, replicas) });
  const positionsOf = (events: readonly { position: number }[]) => events.map(({ position }) => position);

  test('pages walk the whole log, forward and backward', async () => {
    for (const service of ['a', 'b', 'c', 'd']) await post(service);
    const forward: number[] = [];
    for (let after: number | null = 0; after !== null; ) {
      const { body } = await api.call('GET', `/events?limit=2&class=fact&after=${after}`);
      forward.push(...positionsOf(body.events));
      after = body.next;
    }
    const backward: number[] = [];
    for (let next: string | null = ''; next !== null; ) {
      const { body } = await api.call('GET', `/events?limit=2&class=fact&direction=backward${next}`);
      backward.push(...positionsOf(body.events));
      next = body.next === null ? null : `&before=${body.next}`;
    }
    assert.is(forward.length, 5);
    assert.equal(backward, forward.toReversed());
  });

  test('a page names the positions whose telemetry was pruned', async () => {
    await post('a');
    await api.call('GET', '/state');
    const recorded = await until('the read is recorded', async () => {
      const { events } = (await api.call('GET', '/events?class=telemetry')).body;
      return events[0]?.position as number | undefined;
    });
    await api.log.prune({ throughSlot: (await api.log.readCommitAt(recorded))!.slot });
    const { body } = await api.call('GET', `/events?after=${recorded - 1}`);
    assert.equal(body.pruned[0], { from: recorded, to: recorded });
    assert.equal((await api.call('GET', '/events?class=fact')).body.pruned, []);
  });

  test('a call is recorded with the time it took', async () => {
    const openedMs = performance.now();
    const stream = await openEventStream(api.url, '/events');
    await new Promise((resolve) => setTimeout(resolve, 100));
    stream.close();
    const { durationMs } = await until('the call is recorded', async () => {
      const calls = (await api.events('ApiReadsRecorded')).flatMap(({ data }) => ('calls' in data ? data.calls : []));
      return calls.find(({ path }) => path === '/events');
    });
    assert.ok(durationMs >= 100 && durationMs <= performance.now() - openedMs, `${durationMs} ms`);
  });

  test('filters narrow together', async () => {
    await post('a');
    await post('b');
    await post('b', 2);
    const typed = await api.call('GET', '/events?service=b&type=ServiceScaled,ServiceRemoved');
    assert.equal(
      typed.body.events.map((event: { type: string }) => event.type),
      ['ServiceScaled'],
    );
    const streamed = await api.call('GET', '/events?stream=service/a,cluster');
    assert.equal(
      streamed.body.events.map((event: { type: string }) => event.type),
      ['ClusterCreated', 'ServiceRequested'],
    );
    const { at } = typed.body.events[0];
    const timed = await api.call('GET', `/events?since=${at}&class=fact`);
    assert.ok(timed.body.events.every((event: { at: string }) => event.at >= at));
    assert.ok(timed.body.events.length > 0);
  });

  test('NDJSON gives everything up to the head and ends', async () => {
    for (const n of range(1, 30)) await post(`s${n}`);
    const { text, headers } = await api.call('GET', '/events?class=fact', {
      headers: { accept: 'application/x-ndjson' },
    });
    assert.match(String(headers['content-type']), /^application\/x-ndjson/);
    const events = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.is(events.length, 31);
    const some = await api.call('GET', '/events?class=fact&format=ndjson&limit=3&direction=backward');
    assert.equal(
      some.text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).position),
      positionsOf(events).toReversed().slice(0, 3),
    );
  });

  test('a stream replays and follows under concurrent appends, and continues after each disconnect', async () => {
    const services = 120;
    for (const n of range(1, 20)) await post(`before-${n}`);
    const seen: number[] = [];
    const writing = (async () => {
      for (let n = 0; n < services; n += 4) await Promise.all(range(n, n + 3).map((i) => post(`s${i}`)));
    })();
    const wanted = 21 + services;
    while (seen.length < wanted) {
      const headers: Record<string, string> = seen.length > 0 ? { 'last-event-id': String(seen.at(-1)) } : {};
      const client = await openEventStream(api.url, '/events?class=fact', headers);
      const cutAfter = Math.min(wanted - seen.length, 40);
      await until('the stream goes on', () => client.events.length >= cutAfter);
      client.close();
      seen.push(...client.events.map(({ id }) => id));
    }
    await writing;
    const { events } = await api.log.read({ class: 'fact', limit: 1000 });
    assert.equal(seen, positionsOf(events));
  });

  test('every streamed event carries its position as id and its type', async () => {
    const client = await openEventStream(api.url, '/events?service=web');
    const { body } = await post('web');
    const [event] = await until('the event arrives', () => (client.events.length > 0 ? client.events : null));
    client.close();
    assert.is(event?.id, body.position);
    assert.is(event?.event, 'ServiceRequested');
    assert.is(event?.data.position, body.position);
  });

  test('a filtered stream has what matches and nothing else', async () => {
    const client = await openEventStream(api.url, '/events?service=b');
    await post('a');
    await post('b');
    await post('a', 2);
    await post('b', 2);
    await until('both events arrive', () => client.events.length === 2);
    client.close();
    assert.equal(
      client.events.map(({ event }) => event),
      ['ServiceRequested', 'ServiceScaled'],
    );
  });

  test('a client that pauses reading misses nothing', async () => {
    const client = await openEventStream(api.url, '/events?class=fact');
    client.pause();
    const services = range(1, 200).map((n) => oneService(`s${n}`, 1, `image-${'x'.repeat(200)}`).services[0]);
    for (let n = 0; n < 10; n += 1) {
      await api.call('POST', '/service', { body: { services: services.map((s) => ({ ...s, replicas: n })) } });
    }
    client.resume();
    await until('everything arrives', () => client.events.length === 2001);
    client.close();
    const { events } = await api.log.read({ class: 'fact', limit: 1000 });
    assert.equal(
      client.events.slice(0, 1000).map(({ id }) => id),
      positionsOf(events),
    );
    assert.is(new Set(client.events.map(({ id }) => id)).size, 2001);
  });

  test('a stream cannot run backward or end', async () => {
    for (const query of ['direction=backward', 'before=3', 'until=2026-01-01T00:00:00Z']) {
      const { status, body } = await api.call('GET', `/events?${query}`, { headers: { accept: 'text/event-stream' } });
      assert.equal([status, body.code], [422, 'query_contradictory']);
    }
    const { status } = await api.call('GET', '/events', {
      headers: { accept: 'text/event-stream', 'last-event-id': 'x' },
    });
    assert.is(status, 400);
  });

  test('followers beyond the limit are refused until another leaves', async () => {
    const clients = await Promise.all(range(1, 100).map(() => openEventStream(api.url, '/events')));
    const refused = await openEventStream(api.url, '/events');
    assert.is(refused.status, 503);
    clients[0]?.close();
    await until('there is room again', async () => {
      const client = await openEventStream(api.url, '/events');
      client.close();
      return client.status === 200;
    });
    for (const client of clients) client.close();
  });

  test('the server closes within 5 s while clients follow', async () => {
    const clients = await Promise.all(range(1, 5).map(() => openEventStream(api.url, '/events')));
    clients[0]?.pause();
    const startedMs = performance.now();
    await api.close();
    assert.ok(performance.now() - startedMs < 5_000);
    await until('the streams have ended', () => clients.slice(1).every(({ isEnded }) => isEnded));
    for (const client of clients) client.close();
    api = await startApi(api.log);
  });

  test.run();
}
