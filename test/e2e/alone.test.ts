/** While broker or database are away a container that dies runs again, and the log has both once they are back. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { restartedId } from '../../src/model/ids.ts';
import {
  type DistributedCluster,
  openDistributedCluster,
  whyNoDistributedCluster,
} from '../support/cluster/distributed.ts';
import { mongodbUrl } from '../support/log/logs.ts';
import { type FaultProxy, openFaultProxy } from '../support/servers/fault-proxy.ts';
import { testImage as image } from '../support/servers/images.ts';
import { rabbitAddress } from '../support/servers/rabbit.ts';
import { until } from '../support/wait.ts';

const test = suite('agents alone');
const whyNot = await whyNoDistributedCluster();
if (whyNot !== null) console.log(`skipped: ${whyNot}`);
const promise = (sentence: string, body: () => Promise<void>) =>
  whyNot === null ? test(sentence, body) : test.skip(sentence);

let cluster: DistributedCluster;
let broker: FaultProxy;
let database: FaultProxy;

if (whyNot === null) {
  test.before(async () => {
    const { hostname: host, port } = new URL(mongodbUrl!);
    broker = await openFaultProxy(rabbitAddress());
    database = await openFaultProxy({ host, port: Number(port) });
    cluster = await openDistributedCluster(['worker-1'], { mongodb: database.through, agents: broker.through });
    // A busy machine starts a container in seconds, and its node must not count as lost meanwhile.
    await cluster.startManager('one', broker.through, '--node-timeout-ms', '20000');
    await cluster.startAgent('worker-1');
    await cluster.apiOf('one').ask({ serviceName: 'web', replicas: 2, image });
    await cluster.apiOf('one').converged('web');
    await until('both run', async () => (await cluster.running('web')).length === 2);
  });
  test.after(async () => {
    await cluster.close();
    await broker.close();
    await database.close();
  });
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Ends one container and returns its id, once another runs in its place on the engine. */
async function killAndWait(): Promise<string> {
  // One that has not failed yet: its restart waits for nothing.
  const victim = (await cluster.running('web')).find(({ container }) => restartedId(container).endsWith('.1'));
  await cluster.docker.getContainer(victim!.id).kill();
  await until(
    'the agent restarted it',
    async () => (await cluster.running('web')).some(({ container }) => container === restartedId(victim!.container)),
    15_000,
  );
  return victim!.container;
}

/** The log has the end and the restart in one commit, and everything as it is. */
async function assertRecorded(container: string): Promise<void> {
  const api = cluster.apiOf('one');
  await until(
    'the log has it',
    async () =>
      (await api.containers('web')).some((row) => row.container === `${container}.1` && row.state === 'running'),
    20_000,
  );
  const failed = (await api.events(`stream=container/${container}`)).at(-1)!;
  const [queued, running] = await api.events(`stream=container/${container}.1`);
  assert.equal([failed.type, queued!.type, running!.type], ['ContainerFailed', 'ContainerQueued', 'ContainerRunning']);
  assert.is(queued!.meta.actor, 'node:worker-1');
  assert.is(queued!.meta.causationId, failed.meta.eventId);
  assert.equal(new Set([failed, queued!, running!].map(({ meta }) => meta.commitId)).size, 1);
  await api.converged('web');
  const really = (await cluster.running('web')).map(({ container: id }) => id).toSorted();
  const rows = (await api.containers('web')).filter(({ state }) => state === 'running');
  assert.equal(really, rows.map(({ container: id }) => id).toSorted());
  assert.equal(await api.events('type=NodeLost'), []);
}

promise('what is killed while the broker is away runs again before it is back', async () => {
  broker.stall();
  broker.cut();
  const cutAtMs = performance.now();
  let container: string;
  try {
    await pause(300);
    container = await killAndWait();
    await pause(4_000 - (performance.now() - cutAtMs));
  } finally {
    broker.flow();
    broker.cut();
  }
  await assertRecorded(container);
});

promise('what is killed while the database is away runs again before it is back', async () => {
  database.stall();
  database.cut();
  let container: string;
  try {
    await pause(5_000);
    container = await killAndWait();
    await pause(3_000);
  } finally {
    database.flow();
    database.cut();
  }
  await assertRecorded(container);
});

test.run();
