/** Managers and agents as processes of their own, on MongoDB, RabbitMQ and Docker: who dies is replaced, who returns is used. */

import { randomUUID } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { agentPermissions, managerPermissions } from '../../src/bus/topology.ts';
import type { ControlPlaneStatus } from '../../src/http/response/status.ts';
import { labels } from '../../src/model/naming.ts';
import type { StateBody } from '../../src/projections/rows/state-bodies.ts';
import { type Api, createApi } from '../support/cluster/api.ts';
import { type Program, startProgram } from '../support/cluster/cluster.ts';
import { mongodbUrl } from '../support/log/logs.ts';
import { dockerSocket, openDocker, removeContainersOf, whyNoDocker } from '../support/servers/docker.ts';
import { testImage as image } from '../support/servers/images.ts';
import { openRabbit, type Rabbit, whyNoRabbit } from '../support/servers/rabbit.ts';
import { until } from '../support/wait.ts';

const test = suite('distributed cluster');
const noMongo = mongodbUrl ? null : 'CO_TEST_MONGODB_URL is not set';
const whyNot = noMongo ?? (await whyNoRabbit()) ?? (await whyNoDocker());
if (whyNot !== null) console.log(`skipped: ${whyNot}`);
const promise = (sentence: string, body: () => Promise<void>) =>
  whyNot === null ? test(sentence, body) : test.skip(sentence);

const clusterId = randomUUID();
const database = `co-test-${clusterId.slice(0, 8)}`;
const workers = ['worker-1', 'worker-2', 'worker-3'] as const;
const docker = openDocker();
let rabbit: Rabbit;
const managers = new Map<string, { program: Program; api: Api }>();
const agents = new Map<string, Program>();

async function startManager(name: string): Promise<void> {
  const url = new URL(mongodbUrl!);
  url.pathname = `/${database}`;
  const options = ['--mongodb', url.href, '--amqp', rabbit.url(`${database}-manager`), '--port', '0'];
  const program = startProgram(['manager', ...options, '--cluster-id', clusterId], { CO_LOG_LEVEL: 'info' });
  const served = await program.line('manager serves ');
  managers.set(name, { program, api: createApi(served.replace(/,.*/, '')) });
}

function spawnAgent(node: string): Program {
  const options = ['--node', node, '--amqp', rabbit.url(`${database}-${node}`), '--cluster-id', clusterId];
  return startProgram(['agent', ...options, '--engine', 'docker', '--docker', dockerSocket]);
}

async function startAgent(node: string): Promise<void> {
  const program = spawnAgent(node);
  agents.set(node, program);
  await program.line(`${node} is ready`);
}

/** GET /state: the fold, and how the manager that answers stands. */
type State = Omit<StateBody, 'log' | 'bus' | 'leader'> & Pick<ControlPlaneStatus, 'log' | 'bus' | 'leader'>;

const apiOf = (name: string): Api => managers.get(name)!.api;
const stateOf = (name: string) => apiOf(name).get<State>('/state');

if (whyNot === null) {
  test.before(async () => {
    rabbit = await openRabbit();
    await rabbit.addUser(`${database}-manager`, managerPermissions);
    for (const node of workers) await rabbit.addUser(`${database}-${node}`, agentPermissions(node));
    await startManager('one');
    await startManager('two');
    await Promise.all(workers.map(startAgent));
  });
  test.after(async () => {
    await Promise.all(
      [...agents.values(), ...[...managers.values()].map(({ program }) => program)].map((p) => p.end()),
    );
    await removeContainersOf(clusterId);
    const client = new MongoClient(mongodbUrl!);
    await client.db(database).dropDatabase();
    await client.close();
    await rabbit.remove();
  });
}

/** Engine ids of a service's running containers, by node. */
async function running(service: string): Promise<{ id: string; node: string; container: string }[]> {
  const filters = { label: [`${labels.clusterId}=${clusterId}`, `${labels.service}=${service}`] };
  const found = await docker.listContainers({ filters });
  return found.map(({ Id, Labels }) => ({
    id: Id,
    node: Labels[labels.node] ?? '',
    container: Labels[labels.container] ?? '',
  }));
}

promise('one of two managers leads, both serve, and agents need nothing but the broker', async () => {
  const [one, two] = await Promise.all([stateOf('one'), stateOf('two')]);
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
  await apiOf('one').ask({ serviceName: 'web', replicas: 3, image });
  await apiOf('two').ask({ serviceName: 'api', replicas: 3, image });
  for (const service of ['web', 'api']) {
    await apiOf('one').converged(service);
    const nodes = (await running(service)).map(({ node }) => node);
    assert.equal(nodes.toSorted(), [...workers]);
  }
});

promise(
  'a second agent of a node is told who has it and disturbs nothing; a killed one is followed at once',
  async () => {
    const rowOf = async () => (await stateOf('one')).nodes.find(({ node }) => node === 'worker-1')!;
    const [before, runs] = [await rowOf(), await running('web')];
    assert.is(before.instance?.pid, agents.get('worker-1')!.child.pid);
    const second = spawnAgent('worker-1');
    const taken = `node id worker-1 is taken by the agent on ${before.hostname}, process ${before.instance?.pid}, running since`;
    await until('it to be told', () => second.output().includes(taken), 20_000);
    await until('the alarm', async () => (await stateOf('two')).alarms.some(({ subject }) => subject === 'worker-1'));
    assert.equal([(await rowOf()).session, await running('web')], [before.session, runs]);

    await agents.get('worker-1')!.end('SIGKILL');
    const startedMs = performance.now();
    await startAgent('worker-1');
    assert.ok(performance.now() - startedMs < 5_000);
    const after = await rowOf();
    assert.equal([after.instance?.pid, after.since], [agents.get('worker-1')!.child.pid, before.since], 'never lost');
    assert.equal(await running('web'), runs);
    assert.is(await second.end(), 0);
  },
);

promise('the collections in MongoDB say what the API says', async () => {
  const client = new MongoClient(mongodbUrl!);
  const db = client.db(database);
  const { services, containers } = await stateOf('one');
  const stored = await until('the rows are written', async () => {
    const rows = await db.collection('container_config').find({}).sort({ _id: 1 }).toArray();
    return rows.length === containers.length && rows.every(({ state }) => state === 'running') ? rows : null;
  });
  const shown = containers.map(({ pull: _, ...row }) => row);
  assert.equal(
    stored.map(({ _id, ...row }) => row),
    shown.toSorted((a, b) => (a.container < b.container ? -1 : 1)),
  );
  const rows = await db.collection('service_config').find({}).sort({ _id: 1 }).toArray();
  assert.equal(
    rows.map(({ _id, ...row }) => row),
    services,
  );
  assert.is(await db.collection('node_config').countDocuments(), workers.length);
  await client.close();
});

promise('a node that dies is noticed within 7 s, and its replicas run elsewhere a moment later', async () => {
  const before = await running('web');
  const killedAtMs = performance.now();
  await agents.get('worker-2')!.end('SIGKILL');
  const lost = await until(
    'the node is lost',
    async () => (await apiOf('one').events('node=worker-2&type=NodeLost'))[0],
    10_000,
  );
  const lostMs = performance.now() - killedAtMs;
  assert.ok(lostMs < 7_000, `${lostMs} ms`);
  for (const service of ['web', 'api']) await apiOf('one').converged(service, 10_000);
  const movedMs = performance.now() - killedAtMs;
  assert.ok(movedMs < lostMs + 5_000, `${movedMs} ms`);
  const rows = await apiOf('one').containers('web');
  assert.ok(rows.every(({ node }) => node !== 'worker-2'));
  // Who was not on it has not been touched.
  const after = new Set((await running('web')).map(({ id }) => id));
  assert.ok(before.filter(({ node }) => node !== 'worker-2').every(({ id }) => after.has(id)));
  const ended = (await apiOf('one').events('node=worker-2&type=ContainerFailed')).map(({ data, meta }) => [
    (data as { reason: string }).reason,
    meta.causationId,
  ]);
  assert.equal(ended, [
    ['node lost', lost.meta.eventId],
    ['node lost', lost.meta.eventId],
  ]);
});

promise('a node that returns gives up what moved, and is used again', async () => {
  const stale = (await running('web')).filter(({ node }) => node === 'worker-2');
  assert.is(stale.length, 1, 'its containers ran on while nobody could reach them');
  await startAgent('worker-2');
  await until('what moved is gone', async () => (await running('web')).every(({ node }) => node !== 'worker-2'));
  const removed = await until('it is recorded', async () => {
    const events = await apiOf('one').events('node=worker-2&type=StaleContainerRemoved');
    return events.length === 2 ? events : null;
  });
  assert.ok(removed.some(({ data }) => (data as { container: string }).container === stale[0]!.container));
  await apiOf('two').call('PATCH', '/service/web', { replicas: 6 });
  await apiOf('two').converged('web');
  assert.ok((await running('web')).some(({ node }) => node === 'worker-2'));
});

promise('a leader that dies is succeeded within 6 s, and nothing is restarted', async () => {
  const before = (await running('web')).map(({ id }) => id).toSorted();
  const { leader } = await stateOf('one');
  const [dying, next] = leader?.isSelf ? ['one', 'two'] : ['two', 'one'];
  const killedAtMs = performance.now();
  await managers.get(dying)!.program.end('SIGKILL');
  managers.delete(dying);
  await until('the next leads', async () => ((await stateOf(next)).leader?.term ?? 0) > leader!.term, 10_000);
  const electedMs = performance.now() - killedAtMs;
  assert.ok(electedMs < 6_000, `${electedMs} ms`);
  await apiOf(next).ask({ serviceName: 'later', replicas: 2, image });
  await apiOf(next).converged('later');
  assert.equal((await running('web')).map(({ id }) => id).toSorted(), before);
  const lost = await apiOf(next).events('type=NodeLost');
  assert.is(lost.length, 1, 'every node got a fresh grace period');
  await startManager(dying);
});

promise('the broker cuts every connection: all come back by themselves', async () => {
  const before = (await running('web')).map(({ id }) => id).toSorted();
  await rabbit.closeConnections();
  await apiOf('one').ask({ serviceName: 'after', replicas: 3, image });
  await apiOf('one').converged('after', 60_000);
  assert.equal((await running('web')).map(({ id }) => id).toSorted(), before);
});

promise('terms never go back, and an agent never starts a container twice', async () => {
  const facts = await apiOf('one').events('class=fact');
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
