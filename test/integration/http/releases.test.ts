/** Releases over HTTP: health, policies, generations, going back, steering a rollout. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startApi, type TestApi } from '../../support/http/http.ts';
import { httpLogs } from '../../support/http/http-logs.ts';

const body = (members: object = {}, container: object = {}) => ({
  services: [{ serviceName: 'web', replicas: 4, container: { image: 'web:1', ...container }, ...members }],
});

for (const { name, open } of httpLogs) {
  const test = suite(`releases over HTTP on the ${name} log`);
  let api: TestApi;

  test.before.each(async () => {
    api = await startApi(await open());
  });
  test.after.each(async () => {
    await api.close();
    await api.log.close();
  });

  const post = (path: string, sent?: object) => api.call('POST', path, sent ? { body: sent } : {});

  test('health and policies are read as they were sent, with their defaults, and change nothing when sent again', async () => {
    const members = {
      health: { http: { path: '/ready?x=1', port: 8080 }, retries: 2 },
      update: { parallelism: '50%', onFailure: 'rollback', canary: 1 },
      restart: { condition: 'on-failure', maxAttempts: 3 },
      onDisconnect: 'keep',
    };
    await post('/service', body(members));
    const { body: read } = await api.call('GET', '/service/web');
    const times = { intervalSeconds: 10, timeoutSeconds: 5, retries: 2, startPeriodSeconds: 0 };
    assert.equal(read.health, { http: { path: '/ready?x=1', port: 8080 }, ...times });
    assert.equal(read.update, {
      ...{ order: 'auto', parallelism: '50%', minHealthySeconds: 5, delaySeconds: 0, maxFailures: 1 },
      ...{ onFailure: 'rollback', progressDeadlineSeconds: 600, canary: 1 },
    });
    assert.is(read.restart.condition, 'on-failure');
    const { health, update, restart, onDisconnect, container } = read;
    assert.is(onDisconnect, 'keep');
    const again = await post('/service', body({ health, update, restart, onDisconnect }, container));
    assert.equal(again.body.services, [{ serviceName: 'web', generation: 1, changed: false }]);
  });

  test('a patch merges policies and replaces the check; null is the default again', async () => {
    await post('/service', body({ health: 'none' }));
    const patch = (sent: object) => api.call('PATCH', '/service/web', { body: sent });
    await patch({ update: { canary: 1 } });
    await patch({ update: { parallelism: 2 }, health: { tcp: { port: 80 } } });
    const { body: patched } = await api.call('GET', '/service/web');
    assert.equal([patched.update.canary, patched.update.parallelism, patched.health.tcp], [1, 2, { port: 80 }]);
    await patch({ onDisconnect: 'keep' });
    assert.is((await api.call('GET', '/service/web')).body.onDisconnect, 'keep');
    await patch({ update: null, health: null, onDisconnect: 'lost' });
    const { body: cleared } = await api.call('GET', '/service/web');
    assert.equal([cleared.update, cleared.health, cleared.onDisconnect], [undefined, undefined, undefined]);
  });

  for (const [what, members, field, rule] of [
    ['two kinds of check', { health: { command: ['true'], tcp: { port: 1 } } }, 'services[0].health', /exactly one of/],
    ['no kind of check', { health: { retries: 2 } }, 'services[0].health', /exactly one of/],
    ['canaries of all', { update: { canary: 4 } }, 'services[0].update.canary', /less than the replicas, which are 4/],
    ['a share above all', { update: { parallelism: '101%' } }, 'services[0].update.parallelism', /share such as/],
    ['an unknown order', { update: { order: 'both' } }, 'services[0].update.order', /auto, start-first or stop-first/],
    ['a path without a slash', { health: { http: { path: 'x', port: 1 } } }, 'services[0].health', /begins with \//],
    ['an unknown rule', { onDisconnect: 'stop' }, 'services[0].onDisconnect', /lost or keep/],
    ['a policy of another name', { restart: { policy: 'no' } }, 'services[0].restart.policy', /./],
  ] as const) {
    test(`${what} is refused, naming field and rule`, async () => {
      const { status, body: problem } = await post('/service', body(members));
      assert.ok(status === 400 || status === 422, String(status));
      assert.ok(problem.detail.includes(field), `${problem.detail} names ${field}`);
      assert.match(problem.detail, rule);
    });
  }

  test('start-first with a host port is refused: the old container holds it', async () => {
    const sent = body({ update: { order: 'start-first' } }, { ports: [{ container: 80, host: 8080 }] });
    const { status, body: problem } = await post('/service', sent);
    assert.is(status, 422);
    assert.match(problem.detail, /update\.order.*holds host port 8080/);
  });

  test('generations tell what was asked, by whom, and a rollback requests one again', async () => {
    await post('/service', body());
    await post('/service', body({ health: 'none' }, { image: 'web:2' }));
    await api.call('PATCH', '/service/web', { body: { replicas: 6 } });
    const { body: read } = await api.call('GET', '/service/web/generations');
    const brief = (read.generations as { generation: number; replicas: number; container: { image: string } }[]).map(
      ({ generation, replicas, container }) => [generation, replicas, container.image],
    );
    assert.equal(brief, [
      [3, 6, 'web:2'],
      [2, 4, 'web:2'],
      [1, 4, 'web:1'],
    ]);
    assert.is(read.generations[0].actor, 'person:local');
    assert.is(read.generations[1].health, 'none');

    const back = await post('/service/web/rollback', { generation: 1 });
    assert.is(back.status, 202, back.text);
    assert.equal(back.body.services, [{ serviceName: 'web', generation: 4, changed: true }]);
    const { body: now } = await api.call('GET', '/service/web');
    assert.equal([now.container.image, now.replicas, now.health], ['web:1', 6, undefined]);
    const { body: after } = await api.call('GET', '/service/web/generations?limit=1');
    assert.equal([after.generations.length, after.generations[0].rollbackTo], [1, 1]);
  });

  test('what cannot be gone back to or steered is refused', async () => {
    await post('/service', body());
    for (const [path, sent, status, code] of [
      ['/service/web/rollback', { generation: 9 }, 404, 'generation_not_found'],
      ['/service/web/rollback', undefined, 404, 'generation_not_found'],
      ['/service/web/rollback', { generation: 0 }, 400, 'body_invalid'],
      ['/service/none/rollback', undefined, 404, 'service_not_found'],
      ['/service/web/rollout/pause', undefined, 409, 'rollout_not_found'],
      ['/service/web/rollout/abort', undefined, 409, 'rollout_not_found'],
      ['/service/none/restart', undefined, 404, 'service_not_found'],
    ] as const) {
      const answer = await post(path, sent);
      assert.equal([answer.status, answer.body.code], [status, code], `${path} ${JSON.stringify(sent)}`);
    }
  });

  test('a dry run answers what would change and what would follow, and changes nothing', async () => {
    const created = await post('/service?dryRun=true', body());
    assert.is(created.status, 200, created.text);
    assert.equal(created.body.services, [{ serviceName: 'web', generation: 1, changed: true }]);
    assert.is((await api.call('GET', '/service/web')).status, 404);
    const [{ before, after }] = created.body.specs;
    assert.is(before, null);
    await post('/service', body());
    const { body: detail } = await api.call('GET', '/service/web');
    assert.equal([after.container, after.replicas], [detail.container, detail.replicas]);
    const { position } = await api.log.head();
    for (const [method, path, sent] of [
      ['PATCH', '/service/web?dryRun=true', { replicas: 9 }],
      ['DELETE', '/service/web?dryRun=true', undefined],
      ['POST', '/service/web/restart?dryRun=true', undefined],
    ] as const) {
      const answer = await api.call(method, path, sent ? { body: sent } : {});
      assert.is(answer.status, 200, answer.text);
      assert.equal([answer.body.dryRun, answer.body.services[0].generation], [true, 2]);
      assert.ok(answer.body.plan.verdict.sentence);
      const [spec] = answer.body.specs;
      if (method === 'PATCH') assert.equal(spec.after, { ...spec.before, replicas: 9 });
      if (method === 'DELETE') assert.equal([spec.before.container, spec.after], [detail.container, null]);
    }
    assert.is((await api.log.head()).position, position);
    const refused = await api.call('PATCH', '/service/none?dryRun=true', { body: { replicas: 9 } });
    assert.equal([refused.status, refused.body.code], [404, 'service_not_found']);
    assert.is((await post('/service?dryRun=yes', body())).status, 400);
  });

  test('a restart is another generation of the same spec, which a later request keeps', async () => {
    await post('/service', body());
    const { body: before } = await api.call('GET', '/service/web');
    const restarted = await post('/service/web/restart');
    assert.equal(restarted.body.services, [{ serviceName: 'web', generation: 2, changed: true }]);
    const { body: after } = await api.call('GET', '/service/web');
    assert.equal(after.container, before.container);
    assert.is.not(after.specHash, before.specHash);
    const again = await post('/service', body());
    assert.equal(again.body.services, [{ serviceName: 'web', generation: 2, changed: false }]);
  });

  test.run();
}
