/** Outages of broker and log, one after the other, while containers die: agents restart them, and no slot gets two runs. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decide, type SpecRequest } from '../../src/reconciler/commands/decide.ts';
import {
  assertReplayEqualsLive,
  createSimulatedCluster,
  nodeTimeoutMs,
  type SimulatedCluster,
} from '../support/simulation/simulated-cluster.ts';
import { specOf } from '../support/specs.ts';

const test = suite('agents alone');
const context = { actor: 'person:test', requestId: 'request' };

function request(cluster: SimulatedCluster, spec: SpecRequest): void {
  const { events, expect } = decide(cluster.view, { kind: 'apply', specs: [spec] }, context, { nodeTimeoutMs });
  cluster.append(events, expect);
}

const isRestart = ({ type, meta }: SimulatedCluster['events'][number]) =>
  type === 'ContainerQueued' && meta.actor.startsWith('node:');

const really = (cluster: SimulatedCluster) => [...cluster.nodes.values()].flatMap(({ running }) => [...running.keys()]);

/** Three nodes and a service on each of them that runs. */
function startScene(seed: number, policy: Pick<SpecRequest, 'onDisconnect' | 'restart'> = {}): SimulatedCluster {
  const cluster = createSimulatedCluster(seed, { startErrorRate: 0 });
  for (const id of ['worker-1', 'worker-2', 'worker-3']) cluster.addNode(id);
  cluster.advance(1_500);
  request(cluster, { service: 'web', replicas: 3, container: specOf('a'), ...policy });
  cluster.advance(3_000);
  return cluster;
}

const containerOn = (cluster: SimulatedCluster, node: string) => [...cluster.nodes.get(node)!.running.keys()][0]!;

for (const lose of ['loseBroker', 'loseLog'] as const) {
  test(`${lose}: what dies runs again meanwhile, and the log says so afterwards`, () => {
    const cluster = startScene(7);
    const container = containerOn(cluster, 'worker-1');
    cluster[lose](3_000, () => cluster.killContainer('worker-1', container));
    assert.equal(cluster.nodes.get('worker-1')!.running.get(`${container}.1`)?.state, 'running');
    cluster.advance(5_000);
    const ofBoth = cluster.events.filter(
      ({ data }) => 'container' in data && String(data.container).startsWith(container),
    );
    const [failed, queued, running] = ofBoth.slice(3);
    assert.equal(
      [failed, queued, running].map((event) => event?.type),
      ['ContainerFailed', 'ContainerQueued', 'ContainerRunning'],
    );
    assert.is(queued!.meta.causationId, failed!.meta.eventId);
    assert.is(queued!.meta.commitId, failed!.meta.commitId);
    assert.is(really(cluster).length, 3);
  });
}

test('a node cut off restarts what dies within the time-out, and nothing after it', () => {
  const cluster = startScene(3);
  const container = containerOn(cluster, 'worker-1');
  cluster.partition('worker-1');
  cluster.advance(nodeTimeoutMs + 1_000);
  cluster.killContainer('worker-1', container);
  cluster.advance(2_000);
  assert.is(cluster.nodes.get('worker-1')!.running.size, 0);
});

test('a node cut off goes on for as long as it takes where the service says keep', () => {
  const cluster = startScene(3, { onDisconnect: 'keep' });
  const container = containerOn(cluster, 'worker-1');
  cluster.partition('worker-1');
  cluster.advance(60_000);
  cluster.killContainer('worker-1', container);
  cluster.advance(2_000);
  assert.equal([...cluster.nodes.get('worker-1')!.running.keys()], [`${container}.1`]);
  cluster.bringBack('worker-1');
  cluster.advance(10_000);
  assert.is(really(cluster).length, 3, 'its place is another by now');
});

function doSomething(cluster: SimulatedCluster): void {
  const node = cluster.pick([...cluster.nodes.keys()]);
  const ms = Math.floor(cluster.random() * 6_000);
  const draw = cluster.random();
  const kill = () => {
    const victim = cluster.pick([...cluster.nodes.keys()]);
    const container = cluster.pick([...cluster.nodes.get(victim)!.running.keys()]);
    if (container) cluster.killContainer(victim, container);
  };
  if (draw < 0.15) {
    const onDisconnect = cluster.pick([{}, { onDisconnect: 'keep' as const }]);
    const replicas = 1 + Math.floor(cluster.random() * 6);
    request(cluster, { service: 'web', replicas, container: specOf(cluster.pick(['a', 'a', 'b'])), ...onDisconnect });
  } else if (draw < 0.25) cluster.partition(node);
  else if (draw < 0.4) cluster.bringBack(node);
  else if (draw < 0.45) cluster.crash(node);
  else if (draw < 0.5) cluster.restartAgent(node);
  else if (draw < 0.6) cluster.noticeAlone(node);
  else if (draw < 0.75) cluster.loseBroker(ms, kill);
  else if (draw < 0.9) cluster.loseLog(ms, kill);
  kill();
  if (draw > 0.6) kill();
}

const seeds = Number(process.env.CO_SIMULATION_SEEDS ?? 40);
const firstSeed = Number(process.env.CO_SIMULATION_SEED ?? 1);
let restarts = 0;

for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
  test(`no slot has two runs, and all converges, seed ${seed}`, () => {
    const cluster = startScene(seed);
    for (let action = 0; action < 60; action += 1) {
      doSomething(cluster);
      cluster.advance(Math.floor(cluster.random() * 2_000));
    }
    for (const id of cluster.nodes.keys()) cluster.bringBack(id);
    for (let round = 0; round < 4; round += 1) {
      const { rollout } = cluster.view.services.get('web')!;
      if (rollout?.state === 'paused') {
        const resume = { kind: 'rollout', service: 'web', action: 'resume' } as const;
        const { events, expect } = decide(cluster.view, resume, context, { nodeTimeoutMs });
        cluster.append(events, expect);
      }
      cluster.advance(60_000);
    }
    const { replicas } = cluster.view.services.get('web')!;
    const logged = [...cluster.view.containers.values()].filter(({ state }) => state === 'running');
    assert.is(logged.length, replicas, `seed ${seed}\n${cluster.tail()}`);
    assert.equal(really(cluster).toSorted(), logged.map(({ id }) => id).toSorted(), `seed ${seed}\n${cluster.tail()}`);
    assertReplayEqualsLive(cluster);
    restarts += cluster.events.filter(isRestart).length;
  });
}

test('there was something to see', () => {
  assert.ok(restarts > seeds, `${restarts} restarts that the log took`);
});

test.run();
