/** What holds after every event of any legal history. */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LogEvent } from '../../../../src/events/schema/event.ts';
import { versionOf } from '../../../../src/history/what-if/to-log-event.ts';
import { type ContainerFact, isTerminal, nextContainerState } from '../../../../src/model/container-machine.ts';
import { type ClusterView, emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { createHistory, type History, spec } from '../../../support/log/history.ts';
import { readIndexes, recomputeIndexes } from '../../../support/log/indexes.ts';

const test = suite('evolve: what always holds');

const facts: ContainerFact[] = [
  'ContainerStarting',
  'ContainerRunning',
  'ContainerStopRequested',
  'ContainerStopped',
  'ContainerFailed',
  'ContainerCompleted',
];

const images = ['a', 'b'];
const services = ['api', 'db', 'web'];
const nodes = ['worker-1', 'worker-2', 'worker-3', 'worker-4'];

/** One legal thing that could happen now, picked by numbers; what is not legal now does not happen. */
function happen(history: History, view: ClusterView, [action, a, b]: readonly [number, number, number]): void {
  const service = services[a % services.length]!;
  const node = nodes[b % nodes.length]!;
  const known = view.services.get(service);
  const live = [...view.containers.values()].filter(({ state }) => !isTerminal(state));
  const container = live[a % Math.max(1, live.length)];
  const actions: (() => unknown)[] = [
    () => history.wait(a % 40),
    () => history.wait(a * 100),
    () => history.node(node, b % 2 === 0 ? {} : { engineId: 'shared' }),
    () => view.nodes.has(node) && history.add('NodeCordoned', { node }),
    () => view.nodes.has(node) && history.add('NodeActivated', { node }),
    () => view.nodes.has(node) && history.add('NodeLost', { node, session: 1, lastHeardAt: null, silentMs: 1 }),
    () => view.nodes.get(node)?.containers.size === 0 && history.add('NodeRemoved', { node }),
    () => history.serviceRequested(service, b % 5, specFor(a, b)),
    () => known && history.serviceRequested(service, b % 5),
    () => known && history.serviceRequestedAgain(service),
    () => known && history.add('ServiceRemovalRequested', { service, generation: known.generation + 1 }),
    () => known?.live === 0 && known.removing && history.add('ServiceRemoved', { service }),
    () => known && history.blocked(service, b % 3),
    () => known?.slots.has(1) && history.delayed(service, 1, 'web.1-1', 1_000),
    ...Array(4).fill(() => {
      const slot = known && (b % 4) + 1 <= known.replicas ? (b % 4) + 1 : null;
      const target = [...view.nodes.values()][a % Math.max(1, view.nodes.size)];
      if (slot !== null && target && isPortFree(view, service, target.engine.engineId))
        history.queued(service, slot, target.id);
    }),
    ...facts.flatMap((fact) => {
      const step = () =>
        container && nextContainerState(container.state, fact) && stepOf(history, fact, container.id, b);
      return [step, step];
    }),
  ];
  actions[action % actions.length]!();
}

const specFor = (a: number, b: number) =>
  spec({
    image: images[a % 2]!,
    ports: b % 3 === 0 ? [{ container: 80, host: 8000 + (a % 2), protocol: 'tcp' }] : [],
    resources: { memoryBytes: b % 2 === 0 ? 100 + a : null, cpuMillis: b % 4 === 0 ? 50 : null },
  });

const isPortFree = (view: ClusterView, service: string, engineId: string) =>
  view.services
    .get(service)!
    .spec.ports.every(({ host, protocol }) => !view.engines.get(engineId)!.hostPorts.has(`${host}/${protocol}`));

function stepOf(history: History, fact: ContainerFact, id: string, b: number): void {
  if (fact === 'ContainerStarting') history.starting(id);
  if (fact === 'ContainerRunning') history.running(id);
  if (fact === 'ContainerStopRequested') history.stopRequested(id);
  if (fact === 'ContainerStopped') history.stopped(id);
  if (fact === 'ContainerCompleted') history.completed(id);
  if (fact === 'ContainerFailed') history.failed(id, b % 2 === 0 ? 'exited' : 'node lost');
}

const moves = fc.array(fc.tuple(fc.nat(200), fc.nat(60), fc.nat(60)), { minLength: 20, maxLength: 150 });

/** Some life first: random moves alone would seldom get past an empty cluster. */
function beginning(): History {
  const history = createHistory();
  for (const node of nodes.slice(0, 3)) history.node(node);
  for (const service of services) history.serviceRequested(service, 3);
  return history;
}

function live(
  sequence: readonly (readonly [number, number, number])[],
  look: (view: ClusterView, event: LogEvent) => void,
): History {
  const history = beginning();
  const view = emptyClusterView();
  let folded = 0;
  const catchUp = () => {
    for (; folded < history.events.length; folded += 1) {
      const event = history.events[folded]!;
      evolve(view, event);
      look(view, event);
    }
  };
  catchUp();
  for (const move of sequence) {
    happen(history, view, move);
    catchUp();
  }
  return history;
}

test('after every event of any legal history the indexes are what they would be computed from scratch', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(moves, (sequence) => {
      const { events } = live(sequence, (view) => assert.equal(readIndexes(view), recomputeIndexes(view)));
      for (const { type } of events) seen.add(type);
    }),
    { numRuns: 150 },
  );
  const expected = [...facts, 'ContainerQueued', 'NodeRemoved', 'PlacementBlocked', 'RestartDelayed', 'ServiceRemoved'];
  for (const type of expected) assert.ok(seen.has(type), `the histories never had a ${type}`);
});

test('after every event the view knows the version of the stream of its service, node or container', () => {
  fc.assert(
    fc.property(moves, (sequence) => {
      live(sequence, (view, { stream, version, type }) => {
        if (/^(service|node|container)\//.test(stream)) assert.is(versionOf(view, stream), version, `after ${type}`);
      });
    }),
  );
});

test('folding a history again from zero gives the same view', () => {
  fc.assert(
    fc.property(moves, (sequence) => {
      let first: ClusterView | null = null;
      const { events } = live(sequence, (view) => {
        first = view;
      });
      const again = emptyClusterView();
      for (const event of structuredClone(events)) evolve(again, event);
      assert.equal(again, first);
    }),
    { numRuns: 60 },
  );
});

test.run();
