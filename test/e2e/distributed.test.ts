/** Managers and agents as processes of their own, on MongoDB, RabbitMQ and Docker: who dies is replaced, who returns is used. */

import { MongoClient } from 'mongodb';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type DistributedCluster,
  openDistributedCluster,
  type State,
  whyNoDistributedCluster,
} from '../support/cluster/distributed.ts';
import { mongodbUrl } from '../support/log/logs.ts';
import { testImage as image } from '../support/servers/images.ts';
import { until } from '../support/wait.ts';

const test = suite('distributed cluster');
const whyNot = await whyNoDistributedCluster();
if (whyNot !== null) console.log(`skipped: ${whyNot}`);
const promise = (sentence: string, body: () => Promise<void>) =>
  whyNot === null ? test(sentence, body) : test.skip(sentence);

const workers = ['worker-1', 'worker-2', 'worker-3'] as const;
let cluster: DistributedCluster;

if (whyNot === null) {
  test.before(async () => {
    cluster = await openDistributedCluster(workers);
    await cluster.startManager('one');
    await cluster.startManager('two');
    await Promise.all(workers.map((node) => cluster.startAgent(node)));
  });
  test.after(() => cluster.close());
}

promise('one of two managers leads, both serve, and agents need nothing but the broker', async () => {
  const [one, two] = await Promise.all([cluster.stateOf('one'), cluster.stateOf('two')]);
  const describeLeader = ({ leader }: State) => [leader?.term, leader?.controllerId];
  assert.is(one.leader?.term, 1);
  assert.equal(describeLeader(two), describeLeader(one));
  assert.equal(
    one.nodes.map(({ node, state }) => [node, state]),
    workers.map((node) => [node, 'ready']),
  );
  assert.match(one.log.description, /^mongodb /);
  assert.match(one.bus.description, /^rabbitmq /);
});

promise('what is asked of either manager runs, spread over the nodes', async () => {
  await cluster.apiOf('one').ask({ serviceName: 'web', replicas: 3, image });
  await cluster.apiOf('two').ask({ serviceName: 'api', replicas: 3, image });
  for (const service of ['web', 'api']) {
    await cluster.apiOf('one').converged(service);
    const nodes = (await cluster.running(service)).map(({ node }) => node);
    assert.equal(nodes.toSorted(), [...workers]);
  }
});

promise(
  'a second agent of a node is told who has it and disturbs nothing; a killed one is followed at once',
  async () => {
    const rowOf = async () => (await cluster.stateOf('one')).nodes.find(({ node }) => node === 'worker-1')!;
    const [before, runs] = [await rowOf(), await cluster.running('web')];
    assert.is(before.instance?.pid, cluster.agents.get('worker-1')!.child.pid);
    const second = cluster.spawnAgent('worker-1');
    const taken = `node id worker-1 is taken by the agent on ${before.hostname}, process ${before.instance?.pid}, running since`;
    await until('it to be told', () => second.output().includes(taken), 20_000);
    await until('the alarm', async () =>
      (await cluster.stateOf('two')).alarms.some(({ subject }) => subject === 'worker-1'),
    );
    assert.equal([(await rowOf()).session, await cluster.running('web')], [before.session, runs]);

    await cluster.agents.get('worker-1')!.end('SIGKILL');
    const startedMs = performance.now();
    await cluster.startAgent('worker-1');
    assert.ok(performance.now() - startedMs < 5_000);
    const after = await rowOf();
    assert.equal(
      [after.instance?.pid, after.since],
      [cluster.agents.get('worker-1')!.child.pid, before.since],
      'never lost',
    );
    assert.equal(await cluster.running('web'), runs);
    assert.is(await second.end(), 0);
  },
);

promise('the collections in MongoDB say what the API says', async () => {
  const client = new MongoClient(mongodbUrl!);
  const db = client.db(cluster.database);
  const { services, containers } = await cluster.stateOf('one');
  const stored = await until('the rows are written', async () => {
    const rows = await db.collection('container_config').find({}).sort({ _id: 1 }).toArray();
    return rows.length === containers.length && rows.every(({ state }) => state === 'running') ? rows : null;
  });
  const shown = containers.map(({ pull: _, unknownSince: __, ...row }) => row);
  assert.equal(
    stored.map(({ _id, ...row }) => row),
    shown.toSorted((a, b) => (a.container < b.container ? -1 : 1)),
  );
  const rows = await db.collection('service_config').find({}).sort({ _id: 1 }).toArray();
  assert.equal(
    rows.map(({ _id, ...row }) => row),
    services.map(({ restartsLastHour: _, worstSlot: __, ...row }) => row),
  );
  assert.is(await db.collection('node_config').countDocuments(), workers.length);
  await client.close();
});

promise('a node that dies is noticed within 7 s, and its replicas run elsewhere a moment later', async () => {
  const before = await cluster.running('web');
  const killedAtMs = performance.now();
  await cluster.agents.get('worker-2')!.end('SIGKILL');
  const lost = await until(
    'the node is lost',
    async () => (await cluster.apiOf('one').events('node=worker-2&type=NodeLost'))[0],
    10_000,
  );
  const lostMs = performance.now() - killedAtMs;
  assert.ok(lostMs < 7_000, `${lostMs} ms`);
  for (const service of ['web', 'api']) await cluster.apiOf('one').converged(service, 10_000);
  const movedMs = performance.now() - killedAtMs;
  assert.ok(movedMs < lostMs + 5_000, `${movedMs} ms`);
  const rows = await cluster.apiOf('one').containers('web');
  assert.ok(rows.every(({ node }) => node !== 'worker-2'));
  // Who was not on it has not been touched.
  const after = new Set((await cluster.running('web')).map(({ id }) => id));
  assert.ok(before.filter(({ node }) => node !== 'worker-2').every(({ id }) => after.has(id)));
  const ended = (await cluster.apiOf('one').events('node=worker-2&type=ContainerFailed')).map(({ data, meta }) => [
    (data as { reason: string }).reason,
    meta.causationId,
  ]);
  assert.equal(ended, [
    ['node lost', lost.meta.eventId],
    ['node lost', lost.meta.eventId],
  ]);
});

promise('a node that returns gives up what moved, and is used again', async () => {
  const stale = (await cluster.running('web')).filter(({ node }) => node === 'worker-2');
  assert.is(stale.length, 1, 'its containers ran on while nobody could reach them');
  await cluster.startAgent('worker-2');
  await until('what moved is gone', async () =>
    (await cluster.running('web')).every(({ node }) => node !== 'worker-2'),
  );
  const removed = await until('it is recorded', async () => {
    const events = await cluster.apiOf('one').events('node=worker-2&type=StaleContainerRemoved');
    return events.length === 2 ? events : null;
  });
  assert.ok(removed.some(({ data }) => (data as { container: string }).container === stale[0]!.container));
  await cluster.apiOf('two').call('PATCH', '/service/web', { replicas: 6 });
  await cluster.apiOf('two').converged('web');
  assert.ok((await cluster.running('web')).some(({ node }) => node === 'worker-2'));
});

promise('a leader that dies is succeeded within 6 s, and nothing is restarted', async () => {
  const before = (await cluster.running('web')).map(({ id }) => id).toSorted();
  const { leader } = await cluster.stateOf('one');
  const [dying, next] = leader?.isSelf ? ['one', 'two'] : ['two', 'one'];
  const killedAtMs = performance.now();
  await cluster.managers.get(dying)!.program.end('SIGKILL');
  cluster.managers.delete(dying);
  await until('the next leads', async () => ((await cluster.stateOf(next)).leader?.term ?? 0) > leader!.term, 10_000);
  const electedMs = performance.now() - killedAtMs;
  assert.ok(electedMs < 6_000, `${electedMs} ms`);
  await cluster.apiOf(next).ask({ serviceName: 'later', replicas: 2, image });
  await cluster.apiOf(next).converged('later');
  assert.equal((await cluster.running('web')).map(({ id }) => id).toSorted(), before);
  const lost = await cluster.apiOf(next).events('type=NodeLost');
  assert.is(lost.length, 1, 'every node got a fresh grace period');
  await cluster.startManager(dying);
});

promise('the broker cuts every connection: all come back by themselves', async () => {
  const before = (await cluster.running('web')).map(({ id }) => id).toSorted();
  await cluster.rabbit.closeConnections();
  await cluster.apiOf('one').ask({ serviceName: 'after', replicas: 3, image });
  await cluster.apiOf('one').converged('after', 60_000);
  assert.equal((await cluster.running('web')).map(({ id }) => id).toSorted(), before);
});

promise('terms never go back, and an agent never starts a container twice', async () => {
  const facts = await cluster.apiOf('one').events('class=fact');
  let term = 0;
  for (const { meta, position } of facts) {
    assert.ok((meta.term ?? term) >= term, `position ${position}`);
    term = meta.term ?? term;
  }
  for (const [stream, events] of Map.groupBy(facts, (event) => event.stream)) {
    if (!stream.startsWith('container/')) continue;
    const types = events.map(({ type }) => type);
    assert.is(new Set(types).size, types.length, `${stream}: ${types}`);
  }
});

test.run();
