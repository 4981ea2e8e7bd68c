/** Asking for services over HTTP: what is answered, what the log holds, and that a repeat is the same call. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { oneService, startApi, type TestApi } from '../../support/http/http.ts';
import { httpLogs } from '../../support/http/http-logs.ts';

for (const { name, open, reopen } of httpLogs) {
  const test = suite(`services over HTTP on the ${name} log`);
  let api: TestApi;

  test.before.each(async () => {
    api = await startApi(await open());
  });
  test.after.each(async () => {
    await api.close();
    await api.log.close();
  });

  test('the request of the README is accepted as written', async () => {
    const text = '{"services":[{"serviceName":"web","replicas":3,"container":{"name":"web","image":"nginx"}}]}';
    const answer = await api.call('POST', '/service', { text, headers: { 'content-type': 'application/json' } });
    assert.is(answer.status, 202, answer.text);
    assert.equal(answer.body.services, [{ serviceName: 'web', generation: 1, changed: true }]);
    assert.is(answer.headers.location, '/service/web');
    const { events } = await api.log.read({ after: answer.body.position - 1 });
    assert.is(events[0]?.type, 'ServiceRequested');
    assert.is(events[0]?.position, answer.body.position);
    assert.is(events[0]?.meta.actor, 'person:local');
  });

  test('what was accepted is seen by the next read', async () => {
    const { body: accepted } = await api.call('POST', '/service', { body: oneService() });
    const { body } = await api.call('GET', '/service/web');
    assert.ok(body.position >= accepted.position);
    assert.is(body.replicas, 3);
    assert.is(body.status, 'progressing');
    const listed = await api.call('GET', '/service_state');
    assert.equal(
      listed.body.services.map((service: { serviceName: string }) => service.serviceName),
      ['web'],
    );
  });

  test('a service read can be posted back as it is and changes nothing', async () => {
    const container = {
      name: 'app',
      image: 'registry.example:5000/app:1',
      command: ['/app'],
      args: ['--port', '80', 'two\nlines'],
      env: { B: 'b', A: { secret: 'a' } },
      ports: [{ container: 443 }, { container: 80, host: 8080, protocol: 'tcp' }],
      labels: { 'example.org/team': 'x' },
      resources: { memoryBytes: 64 * 1024 * 1024, cpus: 0.25 },
      stopTimeoutSeconds: 3,
      pausedGraceSeconds: null,
    };
    await api.call('POST', '/service', { body: { services: [{ serviceName: 'app', replicas: 2, container }] } });
    const { body: read } = await api.call('GET', '/service/app');
    assert.is(read.container.resources.cpus, 0.25);
    assert.equal(read.container.env, { A: { secret: 'a' }, B: 'b' });
    const again = { services: [{ serviceName: 'app', replicas: read.replicas, container: read.container }] };
    const { body } = await api.call('POST', '/service', { body: again });
    assert.equal(body.services, [{ serviceName: 'app', generation: 1, changed: false }]);
    const patch = (pausedGraceSeconds: number | null) =>
      api.call('PATCH', '/service/app', { body: { container: { pausedGraceSeconds } } });
    assert.is((await patch(null)).body.services[0].changed, false);
    assert.is((await patch(30)).body.services[0].changed, true);
    assert.is((await api.call('GET', '/service/app')).body.container.pausedGraceSeconds, 30);
  });

  test('all services of a body are one commit', async () => {
    const services = ['a', 'b', 'c'].flatMap((service) => oneService(service).services);
    const { body, headers } = await api.call('POST', '/service', { body: { services } });
    assert.is(body.services.length, 3);
    assert.is(headers.location, '/service_state');
    const commit = await api.log.readCommitAt(body.position);
    assert.is(commit?.count, 3);
  });

  test('patch, delete and delete again', async () => {
    await api.call('POST', '/service', { body: oneService() });
    const scaled = await api.call('PATCH', '/service/web', { body: { replicas: 5 } });
    assert.equal(scaled.body.services, [{ serviceName: 'web', generation: 2, changed: true }]);
    const edited = await api.call('PATCH', '/service/web', { body: { container: { env: { A: '1' } } } });
    assert.equal(edited.body.services, [{ serviceName: 'web', generation: 3, changed: true }]);
    assert.is((await api.call('GET', '/service/web')).body.replicas, 5);
    const unset = await api.call('PATCH', '/service/web', { body: { container: { env: { A: null } } } });
    assert.is(unset.body.services[0].generation, 4);
    const gone = await api.call('DELETE', '/service/web');
    assert.equal(gone.body.services, [{ serviceName: 'web', generation: 5, changed: true }]);
    const again = await api.call('DELETE', '/service/web');
    assert.equal(again.body.services, [{ serviceName: 'web', generation: 5, changed: false }]);
  });

  test('concurrent edits of one service all take effect, one after the other', async () => {
    await api.call('POST', '/service', { body: oneService() });
    const edits = Array.from({ length: 24 }, (_, n) =>
      api.call('PATCH', '/service/web', { body: { replicas: 100 + n } }),
    );
    const answers = await Promise.all(edits);
    assert.equal([...new Set(answers.map(({ status }) => status))], [202]);
    const generations = answers.map(({ body }) => body.services[0].generation).sort((a, b) => a - b);
    assert.equal(
      generations,
      Array.from({ length: 24 }, (_, n) => n + 2),
    );
  });

  test('a repeated Idempotency-Key has the first answer and no second effect', async () => {
    const call = { body: oneService(), headers: { 'idempotency-key': 'k1' } };
    const first = await api.call('POST', '/service', call);
    await api.call('PATCH', '/service/web', { body: { replicas: 9 } });
    const repeat = await api.call('POST', '/service', call);
    assert.is(repeat.status, 202);
    assert.equal(repeat.body, first.body);
    assert.is(repeat.headers['idempotent-replayed'], 'true');
    assert.is(api.projector.view.services.get('web')?.replicas, 9);
  });

  test('many repeats at once are one change', async () => {
    const call = { body: oneService(), headers: { 'idempotency-key': 'k1' } };
    const answers = await Promise.all(Array.from({ length: 16 }, () => api.call('POST', '/service', call)));
    assert.is(new Set(answers.map(({ text }) => text)).size, 1, answers.map(({ text }) => text).join('\n'));
    assert.is((await api.events('ServiceRequested')).length, 1);
  });

  test('the same key with another body is refused', async () => {
    const headers = { 'idempotency-key': 'k1' };
    await api.call('POST', '/service', { body: oneService('web', 3), headers });
    const { status, body } = await api.call('POST', '/service', { body: oneService('web', 4), headers });
    assert.is(status, 422);
    assert.is(body.code, 'idempotency_key_reused');
  });

  test('the same key on another path is another request', async () => {
    const headers = { 'idempotency-key': 'k1' };
    await api.call('POST', '/service', { body: oneService(), headers });
    const { status } = await api.call('DELETE', '/service/web', { headers });
    assert.is(status, 202);
    assert.is(api.projector.view.services.get('web')?.removing, true);
  });

  test('a repeat is answered as the first time though the cluster would refuse it now', async () => {
    await api.call('POST', '/service', { body: oneService() });
    const patch = { body: { replicas: 5 }, headers: { 'idempotency-key': 'k1' } };
    const first = await api.call('PATCH', '/service/web', patch);
    await api.call('DELETE', '/service/web');
    assert.is((await api.call('PATCH', '/service/web', { body: { replicas: 6 } })).status, 409);
    const repeat = await api.call('PATCH', '/service/web', patch);
    assert.is(repeat.status, 202, repeat.text);
    assert.equal(repeat.body, first.body);
  });

  if (reopen) {
    test('a repeat after a restart has the first answer', async () => {
      const call = { body: oneService(), headers: { 'idempotency-key': 'k1' } };
      const first = await api.call('POST', '/service', call);
      await api.call('DELETE', '/service/web');
      await api.close();
      await api.log.close();
      api = await startApi(await reopen());
      const repeat = await api.call('POST', '/service', call);
      assert.equal(repeat.body, first.body);
      const reused = await api.call('POST', '/service', { ...call, body: oneService('web', 1) });
      assert.is(reused.status, 422);
      assert.is((await api.events('ServiceRequested')).length, 1);
    });
  }

  test.run();
}
