/** Labels of real agents decide where containers run on real Docker, and a node that returns gets its share again. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type DistributedCluster,
  openDistributedCluster,
  whyNoDistributedCluster,
} from '../support/cluster/distributed.ts';
import { dockerSocket } from '../support/servers/docker.ts';
import { testImage as image } from '../support/servers/images.ts';
import { until } from '../support/wait.ts';

const test = suite('placement on Docker');
const whyNot = await whyNoDistributedCluster();
if (whyNot !== null) console.log(`skipped: ${whyNot}`);
const promise = (sentence: string, body: () => Promise<void>) =>
  whyNot === null ? test(sentence, body) : test.skip(sentence);

const zones = { 'worker-1': 'a', 'worker-2': 'a', 'worker-3': 'b' } as const;
type Worker = keyof typeof zones;
const workers = Object.keys(zones) as Worker[];
let cluster: DistributedCluster;

const start = (node: Worker) => cluster.startAgent(node, '--docker', dockerSocket, '--label', `zone=${zones[node]}`);

if (whyNot === null) {
  test.before(async () => {
    cluster = await openDistributedCluster(workers);
    await cluster.startManager('one');
    await Promise.all(workers.map(start));
  });
  test.after(() => cluster.close());
}

const api = () => cluster.apiOf('one');
const post = async (members: object) => {
  const { status } = await api().call('POST', '/service', { services: [{ container: { image }, ...members }] });
  assert.is(status, 202);
};
const nodesOf = async (service: string) => (await cluster.running(service)).map(({ node }) => node).toSorted();

promise('a constraint on a label of an agent holds, and a label that is set moves what it rules out', async () => {
  await post({ serviceName: 'web', replicas: 2, placement: { constraints: ['node.labels.zone == b'] } });
  await api().converged('web');
  assert.equal(await nodesOf('web'), ['worker-3', 'worker-3']);
  await api().call('PATCH', '/node/worker-1/labels', { zone: 'b' });
  await api().call('PATCH', '/node/worker-3/labels', { zone: 'c' });
  await until('they moved', async () => (await nodesOf('web')).join() === 'worker-1,worker-1', 30_000);
  await api().converged('web');
  const stops = await api().events('service=web&type=ContainerStopRequested');
  assert.equal(
    stops.map(({ data }) => (data as { reason: string }).reason),
    ['constraint not met', 'constraint not met'],
  );
  await post({ serviceName: 'web', replicas: 2, placement: { constraints: ['node.labels.zone == moon'] } });
  await until('the reason', async () => {
    const [row] = (await cluster.stateOf('one')).services;
    return row!.reason?.includes('it does not meet node.labels.zone == moon (3 nodes)');
  });
  assert.equal(await nodesOf('web'), ['worker-1', 'worker-1'], 'what runs is left alone');
  await api().call('DELETE', '/service/web');
});

promise('a node that returns gets its share of a service that is kept balanced', async () => {
  await post({ serviceName: 'even', replicas: 6, rebalance: { maxMoves: 2, cooldownSeconds: 1 } });
  await api().converged('even');
  assert.equal(new Set(await nodesOf('even')).size, 3);
  await cluster.agents.get('worker-2')!.end('SIGKILL');
  await until('the node is lost', async () => (await api().events('node=worker-2&type=NodeLost')).length > 0, 20_000);
  await api().converged('even', 30_000);
  const rows = async () => (await api().containers('even')).map(({ node }) => node);
  assert.not.ok((await rows()).includes('worker-2'));
  await start('worker-2');
  await until(
    'it is balanced',
    async () => (await api().events('service=even&type=ServiceBalanced')).length > 0,
    60_000,
  );
  const counts = Object.values(Object.groupBy(await nodesOf('even'), (node) => node)).map((of) => of!.length);
  assert.equal(counts, [2, 2, 2]);
});

test.run();
