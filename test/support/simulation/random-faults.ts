/** Histories full of faults at random, from a seed: requests, crashes, losses and drains on the simulated cluster. */

import type { ApiRequest } from '../../../src/reconciler/commands/decide.ts';
import { specOf } from '../specs.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';
import { applyFor, ask, startScene } from './why-scenarios.ts';

const services = ['api', 'db', 'web'];
const people = ['alice', 'bob', 'carol'];

/** @param actions how many things happen, a few seconds apart */
export function stormyHistory(
  seed: number,
  actions: number,
  afterEach = (_: SimulatedCluster) => {},
): SimulatedCluster {
  const cluster = startScene(5, { seed });
  for (let action = 0; action < actions; action += 1) {
    doSomething(cluster);
    cluster.advance(Math.floor(cluster.random() * 4_000));
    afterEach(cluster);
  }
  return cluster;
}

function doSomething(cluster: SimulatedCluster): void {
  const node = cluster.pick([...cluster.nodes.keys()]);
  const draw = cluster.random();
  if (draw < 0.3) request(cluster);
  else if (draw < 0.45) cluster.crash(node);
  else if (draw < 0.55) cluster.partition(node);
  else if (draw < 0.75) cluster.bringBack(node);
  else if (draw < 0.85) {
    const container = cluster.pick([...(cluster.nodes.get(node)?.running.keys() ?? [''])]);
    if (container) cluster.killContainer(node, container);
  } else if (cluster.view.nodes.has(node)) {
    const action = cluster.pick(['cordon', 'drain', 'activate'] as const);
    ask(cluster, cluster.pick(people), { kind: 'node', node, action }, 0);
  }
}

function request(cluster: SimulatedCluster): void {
  const service = cluster.pick(services);
  const known = cluster.view.services.get(service);
  const port = { container: 80, host: 80, protocol: 'tcp' as const };
  const spec = specOf(cluster.pick(['a', 'b', 'c']), service === 'api' ? { ports: [port] } : {});
  const replicas = Math.floor(cluster.random() * 8);
  const requests: ApiRequest[] = [applyFor(service, replicas, spec)];
  if (known && !known.removing) requests.push({ kind: 'patch', service, replicas }, { kind: 'remove', service });
  ask(cluster, cluster.pick(people), cluster.pick(requests), 0);
}
