/**
 * Two agents under one node id, on machines of their own, with faults at random from a printed seed: the node changes
 * hands only when who has it is gone, and when the faults stop it changes hands no more.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LogEvent } from '../../src/events/schema/event.ts';
import { change, ofType, request } from '../support/simulation/given-cluster.ts';
import {
  assertReplayEqualsLive,
  createSimulatedCluster,
  type SimulatedCluster,
} from '../support/simulation/simulated-cluster.ts';
import { specOf } from '../support/specs.ts';

const test = suite('twins');
const [first, twin] = ['worker-1', 'twin'] as const;

type Registration = LogEvent<'NodeRegistered'> | LogEvent<'NodeReturned'>;

function givenTwins(seed: number): SimulatedCluster {
  const cluster = createSimulatedCluster(seed);
  for (const id of [first, 'worker-2', 'worker-3']) cluster.addNode(id);
  cluster.advance(3_000);
  cluster.addTwin(twin, first);
  request(cluster, 'web', 6, specOf('a'));
  cluster.advance(10_000);
  return cluster;
}

/** Registrations of the node in order, those of one instance after the other once. */
function holders(cluster: SimulatedCluster): string[] {
  const registrations = [...ofType(cluster, 'NodeRegistered'), ...ofType(cluster, 'NodeReturned')] as Registration[];
  return registrations
    .filter(({ data }) => data.node === first)
    .toSorted((a, b) => a.position - b.position)
    .map(({ data }) => data.instance!.id)
    .filter((id, index, all) => id !== all[index - 1]);
}

const refusals = (cluster: SimulatedCluster) => ofType(cluster, 'RegistrationRefused').length;
const hostOf = ({ view }: SimulatedCluster) => view.nodes.get(first)!.hostname;

test('whoever comes second is refused once, runs nothing, and nothing moves', () => {
  const cluster = givenTwins(1);
  const { session } = cluster.view.nodes.get(first)!;
  cluster.advance(120_000);
  assert.equal([holders(cluster).length, refusals(cluster), hostOf(cluster)], [1, 1, first]);
  assert.is(cluster.view.nodes.get(first)!.session, session);
  assert.is(cluster.nodes.get(twin)!.running.size, 0);
  assert.equal([...cluster.view.alarms.keys()], [`node claimed twice ${first}`]);
});

test('one that insists is recorded every five minutes, and the alarm ends when it stops', () => {
  const cluster = givenTwins(1);
  cluster.advance(1_200_000);
  assert.is(refusals(cluster), 4);
  assert.is(ofType(cluster, 'AlarmRaised').length, 1);
  cluster.crash(twin);
  cluster.advance(400_000);
  assert.is(cluster.view.alarms.size, 0);
  assert.is(refusals(cluster), 4);
});

test('a restart has its node at once, twin or not, and loses nothing', () => {
  const cluster = givenTwins(1);
  const { instance } = cluster.nodes.get(first)!;
  const restartedMs = cluster.nowMs();
  cluster.restartAgent(first);
  cluster.advance(1_500);
  assert.not.equal(cluster.nodes.get(first)!.instance, instance);
  assert.equal(cluster.view.nodes.get(first)!.instance, cluster.nodes.get(first)!.instance);
  assert.ok(cluster.nowMs() - restartedMs < 2_000);
  cluster.advance(20_000);
  assert.equal([ofType(cluster, 'NodeLost'), ofType(cluster, 'StaleContainerRemoved')], [[], []]);
});

test('the second has the node once the first is lost, and the first is refused when it returns', () => {
  const cluster = givenTwins(1);
  cluster.partition(first);
  cluster.advance(20_000);
  assert.is(hostOf(cluster), twin);
  cluster.bringBack(first);
  cluster.advance(120_000);
  assert.equal([holders(cluster).length, hostOf(cluster)], [2, twin]);
  assert.is(cluster.nodes.get(first)!.session, null);
});

const seeds = Number(process.env.CO_SIMULATION_SEEDS ?? 40);
const firstSeed = Number(process.env.CO_SIMULATION_SEED ?? 1);

for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
  test(`the node changes hands no more often than there were faults, seed ${seed}`, () => {
    const cluster = givenTwins(seed);
    let faults = 0;
    for (let action = 0; action < 40; action += 1) {
      const name = cluster.pick([first, twin]);
      const draw = cluster.random();
      if (draw < 0.2) cluster.crash(name);
      else if (draw < 0.4) cluster.partition(name);
      else if (draw < 0.5) cluster.restartAgent(name);
      else cluster.bringBack(name);
      faults += 1;
      cluster.advance(Math.floor(cluster.random() * 9_000));
    }
    for (const name of [first, twin]) cluster.bringBack(name);
    change(cluster, first, 'activate');
    cluster.advance(60_000);
    assert.ok(holders(cluster).length <= faults + 1, `${holders(cluster).length} holders, seed ${seed}`);
    const [before, refused] = [holders(cluster).length, refusals(cluster)];
    cluster.advance(120_000);
    assert.is(holders(cluster).length, before, `seed ${seed}\n${cluster.tail()}`);
    assert.ok(refusals(cluster) - refused <= 1);
    const { session, state } = cluster.view.nodes.get(first)!;
    const inSession = [first, twin].filter((name) => cluster.nodes.get(name)!.session === session);
    assert.equal([inSession.length, state], [1, 'ready'], `seed ${seed}`);
    assert.is(cluster.view.services.get('web')!.running, 6, `seed ${seed}\n${cluster.tail()}`);
    assertReplayEqualsLive(cluster);
  });
}

test.run();
