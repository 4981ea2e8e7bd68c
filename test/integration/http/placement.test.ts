/** Placement over HTTP: what is read as it was sent, labels of nodes, and what is refused. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startApi, type TestApi } from '../../support/http/http.ts';
import { httpLogs } from '../../support/http/http-logs.ts';
import { appendSeeds } from '../../support/http/seeds.ts';

const body = (members: object) => ({ services: [{ serviceName: 'web', container: { image: 'web:1' }, ...members }] });

for (const { name, open } of httpLogs) {
  const test = suite(`placement over HTTP on the ${name} log`);
  let api: TestApi;

  test.before.each(async () => {
    const log = await open();
    await appendSeeds(log);
    api = await startApi(log);
  });
  test.after.each(async () => {
    await api.close();
    await api.log.close();
  });

  test('placement and balance are read as they were sent, with their defaults, and change nothing when sent again', async () => {
    const sent = body({
      placement: { constraints: ['node.labels.zone == a', 'node.id!=worker-9'], maxPerNode: 2 },
      rebalance: { maxMoves: 2 },
    });
    await api.call('POST', '/service', { body: sent });
    const { body: read } = await api.call('GET', '/service/web');
    assert.equal(read.placement, {
      constraints: ['node.labels.zone == a', 'node.id != worker-9'],
      ...{ spread: null, maxPerNode: 2, strategy: 'spread' },
    });
    assert.equal(read.rebalance, { maxMoves: 2, cooldownSeconds: 60 });
    const { placement, rebalance, container } = read;
    const again = await api.call('POST', '/service', {
      body: { services: [{ serviceName: 'web', container, placement, rebalance }] },
    });
    assert.is(again.body.services[0].changed, false);
    await api.call('PATCH', '/service/web', { body: { placement: null, rebalance: { maxMoves: 3 } } });
    const { body: patched } = await api.call('GET', '/service/web');
    assert.equal([patched.placement, patched.rebalance], [undefined, { maxMoves: 3, cooldownSeconds: 60 }]);
  });

  test('labels of a node are set, taken away and shown beside those of its agent', async () => {
    const set = (labels: object) => api.call('PATCH', '/node/worker-1/labels', { body: labels });
    const labelsOf = async () => (await api.call('GET', '/node/worker-1')).body.labels;
    const [ofAgent, rack] = [
      { name: 'zone', value: 'a' },
      { name: 'rack', value: '7' },
    ];
    assert.equal(await labelsOf(), [ofAgent]);
    const { status, body: answer } = await set({ zone: 'b', rack: '7' });
    assert.equal([status, answer.nodes], [202, [{ node: 'worker-1', labels: [rack, { name: 'zone', value: 'b' }] }]]);
    assert.equal(await labelsOf(), [rack, { name: 'zone', value: 'b' }]);
    await set({ zone: null });
    assert.equal(await labelsOf(), [rack, ofAgent]);
    assert.is((await api.call('PATCH', '/node/none/labels', { body: { zone: 'a' } })).status, 404);
    const dry = await api.call('PATCH', '/node/worker-1/labels?dryRun=true', { body: { zone: 'b' } });
    assert.is(dry.body.dryRun, true);
    assert.equal(await labelsOf(), [rack, ofAgent]);
    const many = Object.fromEntries(Array.from({ length: 64 }, (_, number) => [`l${number}`, 'x']));
    const refused = await set(many);
    assert.equal([refused.status, refused.body.code], [422, 'labels_too_many']);
  });

  for (const [what, patch, field] of [
    ['as many canaries as replicas', { update: { canary: 2 } }, 'update.canary'],
    ['a packed service that is balanced', { placement: { strategy: 'binpack' }, rebalance: {} }, 'rebalance'],
    ['start-first with a host port', { update: { order: 'start-first' } }, 'update.order'],
  ] as const) {
    test(`${what} is refused of a patch as well, and a patch of something else is not`, async () => {
      const container = { image: 'web:1', ports: [{ container: 80, host: 8080 }] };
      await api.call('POST', '/service', { body: body({ replicas: 2, container }) });
      const { status, body: problem } = await api.call('PATCH', '/service/web', { body: patch });
      assert.equal([status, problem.code], [422, 'body_contradictory']);
      assert.ok(problem.detail.startsWith(field), problem.detail);
      assert.is((await api.call('PATCH', '/service/web', { body: { replicas: 1 } })).status, 202);
    });
  }

  for (const [what, members, field, rule] of [
    [
      'a constraint on an unknown key',
      { placement: { constraints: ['node.role == a'] } },
      'placement.constraints[0]',
      /the key one of node.id/,
    ],
    [
      'a constraint without an operator',
      { placement: { constraints: ['node.id = a'] } },
      'placement.constraints[0]',
      /must be KEY == VALUE/,
    ],
    [
      'a packed service that is spread',
      { placement: { strategy: 'binpack', spread: 'node.id' } },
      'placement.spread',
      /strategy binpack/,
    ],
    [
      'a packed service that is balanced',
      { placement: { strategy: 'binpack' }, rebalance: {} },
      'rebalance',
      /strategy binpack/,
    ],
    [
      'a bound on a global service',
      { mode: 'global', placement: { maxPerNode: 1 } },
      'placement.maxPerNode',
      /global service/,
    ],
    ['a job that is balanced', { mode: 'job', rebalance: {} }, 'rebalance', /needs mode replicated/],
  ] as const) {
    test(`${what} is refused, naming the member and the rule`, async () => {
      const { status, body: problem } = await api.call('POST', '/service', { body: body(members) });
      assert.equal([status, problem.code], [422, 'body_contradictory']);
      assert.ok(problem.detail.includes(`services[0].${field}`), problem.detail);
      assert.match(problem.detail, rule);
    });
  }

  for (const [what, members] of [
    ['a spread over an unknown key', { placement: { spread: 'zone' } }],
    ['no replica a node', { placement: { maxPerNode: 0 } }],
    ['another strategy', { placement: { strategy: 'random' } }],
    ['no move', { rebalance: { maxMoves: 0 } }],
    ['another member', { placement: { prefer: 'a' } }],
  ] as const) {
    test(`${what} is refused`, async () => {
      assert.is((await api.call('POST', '/service', { body: body(members) })).status, 400);
    });
  }

  test.run();
}
