/** Why a container runs that its agent restarted by itself. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Link } from '../../../../src/history/explain/cause-chain.ts';
import { explainContainer } from '../../../../src/history/explain/explain-container.ts';
import { createCountingLog } from '../../../support/log/simulated-log.ts';
import type { SimulatedCluster } from '../../../support/simulation/simulated-cluster.ts';
import { applyFor, ask, runningOf, startScene } from '../../../support/simulation/why-scenarios.ts';
import { specOf } from '../../../support/specs.ts';

const test = suite('why of restarts');

const whyContainer = (cluster: SimulatedCluster, id: string) => explainContainer(createCountingLog(cluster.events), id);
const typesOf = (chain: Link[]) => chain.map(({ type }) => type);

test('a restart by an agent that was alone: the end of the run before it, and that no manager was there', async () => {
  const cluster = startScene(2);
  ask(cluster, 'alice', applyFor('web', 2, specOf('nginx')));
  const [id] = runningOf(cluster, 'web');
  const { node } = cluster.view.containers.get(id!)!;
  cluster.loseLog(3_000, () => cluster.killContainer(node, id!));
  cluster.advance(5_000);
  const why = await whyContainer(cluster, `${id}.1`);
  assert.equal(typesOf(why.chain).slice(0, 3), ['ContainerRunning', 'ContainerQueued', 'ContainerFailed']);
  assert.match(
    why.chain[1]!.sentence,
    new RegExp(`^${node} restarted ${id} by itself as ${id}\\.1: no manager could be reached$`),
  );
  assert.is(why.replaces, id!);
  assert.match(why.answer, new RegExp(`because ${id} exited by itself .*; ${node} restarted ${id} by itself`));
  assert.is((await whyContainer(cluster, id!)).replacedBy, `${id}.1`);
});

test.run();
