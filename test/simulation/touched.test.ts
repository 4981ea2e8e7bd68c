/** The simulation evaluates only what the fold touched, as production does: a mark that the fold forgets is noticed. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Touched } from '../../src/projections/view/touched.ts';
import { clusterOf, request, rowOf } from '../support/simulation/given-cluster.ts';
import type { SimulatedCluster } from '../support/simulation/simulated-cluster.ts';
import { specOf } from '../support/specs.ts';

const test = suite('what the fold touches');

const statusOf = (cluster: SimulatedCluster, service: string) => rowOf(cluster, service).status;
const without = (kind: keyof Touched) => (touched: Touched) => ({ ...touched, [kind]: new Set<string>() });

/** A forgotten service is never placed; one forgotten after a failure is never replaced. */
function loseAContainer(dropTouched?: (touched: Touched) => Touched): string {
  let isForgetful = false;
  const cluster = clusterOf(3, { dropTouched: (touched) => (isForgetful && dropTouched?.(touched)) || touched });
  request(cluster, 'web', 3, specOf('nginx'));
  cluster.advance(5_000);
  assert.is(statusOf(cluster, 'web'), 'converged');
  isForgetful = true;
  const { id, node } = [...cluster.view.containers.values()][0]!;
  cluster.killContainer(node, id);
  cluster.advance(60_000);
  return statusOf(cluster, 'web');
}

/** More containers than one append may end are on the node: the rest is evaluated because the node was touched again. */
function loseALargeNode(dropTouched?: (touched: Touched) => Touched): string {
  let isForgetful = false;
  const cluster = clusterOf(1, { dropTouched: (touched) => (isForgetful && dropTouched?.(touched)) || touched });
  request(cluster, 'web', 900, specOf('nginx'));
  cluster.advance(10_000);
  isForgetful = true;
  cluster.crash('worker-1');
  cluster.advance(20_000);
  const left = [...cluster.view.containers.values()].filter(({ state }) => state === 'running' || state === 'in queue');
  return left.length === 0 ? 'ended' : `${left.length} left`;
}

test('a failed container is replaced, and is not where the fold forgets its service', () => {
  assert.is(loseAContainer(), 'converged');
  assert.is.not(loseAContainer(without('services')), 'converged');
});

test('all containers of a large lost node are ended, and are not where the fold forgets the node', () => {
  assert.is(loseALargeNode(), 'ended');
  assert.is.not(loseALargeNode(without('nodes')), 'ended');
});

test.run();
