/** Every container of histories full of faults has a chain of causes that ends, and finding it costs a few looks. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventType } from '../../../../src/events/schema/catalog.ts';
import { streams } from '../../../../src/events/schema/event.ts';
import { findCause, isChange } from '../../../../src/history/explain/cause.ts';
import type { Chain } from '../../../../src/history/explain/cause-chain.ts';
import { explainContainer } from '../../../../src/history/explain/explain-container.ts';
import { explainService } from '../../../../src/history/explain/explain-service.ts';
import { createLogLookup } from '../../../../src/history/explain/log-lookup.ts';
import { createCountingLog } from '../../../support/log/simulated-log.ts';
import { stormyHistory } from '../../../support/simulation/random-faults.ts';
import { applyFor, ask, containersIn, runningOf, startScene } from '../../../support/simulation/why-scenarios.ts';
import { specOf } from '../../../support/specs.ts';

const test = suite('why, of histories full of faults');

const seeds = Number(process.env.CO_SIMULATION_SEEDS ?? 8);
const readsMax = 60;

/** What nothing in the log comes before: a node, or the silence of one. Anything else must be a person's. */
const observed: ReadonlySet<EventType> = new Set([
  'NodeRegistered',
  'NodeReturned',
  'NodeLost',
  'StaleContainerRemoved',
] as const);

function assertEnds({ chain, left }: Chain, about: string): void {
  const positions = chain.map(({ position }) => position);
  assert.equal(
    positions,
    positions.toSorted((a, b) => b - a),
    `${about}: newest first`,
  );
  for (const { because, position, type, actor } of chain) {
    const where = `${about}, position ${position} (${type} by ${actor})`;
    if (because === null) assert.ok(actor.startsWith('person:') || observed.has(type), `${where}: nobody caused it`);
    else {
      assert.ok(because < position, `${where}: its cause is later`);
      assert.ok(left !== null || positions.includes(because), `${where}: its cause is left out`);
    }
  }
}

for (let seed = 1; seed <= seeds; seed += 1) {
  test(`every chain ends at a person, a node or its silence, seed ${seed}`, async () => {
    const cluster = stormyHistory(seed, 50);
    const log = createCountingLog(cluster.events);
    const replacedBy = new Map<string, string>();
    for (const id of containersIn(cluster.events)) {
      log.count();
      const why = await explainContainer(log, id);
      const { reads } = log.count();
      assert.ok(reads <= readsMax, `${id} took ${reads} reads`);
      assertEnds(why, `seed ${seed}, ${id}`);
      if (why.replaces) replacedBy.set(why.replaces, id);
    }
    for (const [old, fresh] of replacedBy) {
      const successor = (await explainContainer(log, old)).replacedBy;
      assert.ok(successor, `seed ${seed}: ${fresh} replaced ${old}, which does not know`);
    }
    for (const name of cluster.view.services.keys()) {
      assertEnds(await explainService(log, cluster.view, name), `seed ${seed}, ${name}`);
    }
  });

  test(`a cause that is named in the log is the one that is found, or explains it better, seed ${seed}`, async () => {
    const cluster = stormyHistory(seed, 50);
    const lookup = createLogLookup(createCountingLog(cluster.events), { end: cluster.events.length });
    const byId = new Map(cluster.events.map((event) => [event.meta.eventId, event]));
    for (const event of cluster.events) {
      const named = event.meta.causationId === null ? null : byId.get(event.meta.causationId)!;
      if (!named) continue;
      const found = await findCause(lookup, event);
      const isSwap = event.type === 'ContainerQueued' && 'container' in named.data && isChange(found!);
      const isRefined = found !== null && (isSwap || refinements.has(found.type) || found.position === named.position);
      assert.ok(
        isRefined,
        `position ${event.position}, ${event.type}: ${found?.type} ${found?.position}, not ${named.type} ${named.position}`,
      );
    }
  });
}

/** Beside a swap named after the end of the slot's other container: a wait of the slot stands between its need and its place; a drain behind the latest fact of the draining node. */
const refinements: ReadonlySet<EventType> = new Set([
  'RestartDelayed',
  'PlacementBlocked',
  'NodeDrainRequested',
] as const);

test('of a long log only what lies near the causes is read', async () => {
  const cluster = startScene(3);
  ask(cluster, 'alice', applyFor('web', 3, specOf('a')));
  const [first] = runningOf(cluster, 'web');
  const { spec, specHash, generation, replicas } = cluster.view.services.get('web')!;
  const data = { service: 'web', generation, changed: false, replicas, container: spec, specHash };
  const again = { stream: streams.service('web'), type: 'ServiceRequested', data } as const;
  // The worst there is: all of it about the service itself.
  const meta = { actor: 'person:robot', causationId: null };
  for (let batch = 0; batch < 20; batch += 1) cluster.write(Array.from({ length: 1_000 }, () => ({ ...again, meta })));
  ask(cluster, 'carol', { kind: 'patch', service: 'web', replicas: 1 });
  const [, second] = containersIn(cluster.events);
  const log = createCountingLog(cluster.events);
  assert.ok(cluster.events.length > 20_000);
  for (const id of [first!, second!]) {
    await explainContainer(log, id);
    const { reads, commits } = log.count();
    assert.ok(reads <= 15, `${id}: ${reads} reads`);
    assert.ok(commits <= 7_000, `${id}: ${commits} commits of ${cluster.events.length}`);
  }
  await explainService(log, cluster.view, 'web');
  const { reads, commits } = log.count();
  assert.ok(reads <= 15 && commits <= 7_000, `${reads} reads of ${commits} commits`);
});

test.run();
