/** What nodes are sent, on the embedded broker: one view, one dispatcher, and whoever takes commands. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bodyBytesMax } from '../../src/bus/body.ts';
import type { ManagerBus } from '../../src/bus/bus.ts';
import { createEmbeddedBroker } from '../../src/bus/embedded-bus.ts';
import type { Command, WantedCommand } from '../../src/bus/messages.ts';
import { AppError } from '../../src/errors.ts';
import type { Commit, LogEvent } from '../../src/events/event.ts';
import { silentLogger } from '../../src/logger.ts';
import type { ContainerSpec } from '../../src/model/service.ts';
import { emptyClusterView } from '../../src/projections/cluster-view.ts';
import { evolve } from '../../src/projections/projection.ts';
import type { Projector } from '../../src/projections/projector.ts';
import { createDispatcher } from '../../src/reconciler/dispatch.ts';
import { clusterId, createHistory, type History, spec, specHashOf } from '../support/history.ts';

import { until } from '../support/wait.ts';

const test = suite('dispatch');

/** @param through what stands between dispatcher and broker */
function setUp(history: History, through = (bus: ManagerBus): ManagerBus => bus) {
  const view = emptyClusterView();
  for (const event of history.events) evolve(view, event);
  const listeners: Parameters<Projector['onFolded']>[0][] = [];
  const onFolded: Projector['onFolded'] = (listener) => {
    listeners.push(listener);
    return () => {};
  };
  const broker = createEmbeddedBroker({ clusterId, logger: silentLogger });
  const taken: Command[] = [];
  broker.agent('worker-1').consumeCommands(async (command) => {
    taken.push(command);
    return 'ack';
  });
  const projector = { view, onFolded } as unknown as Projector;
  const bus = through(broker.manager('m1'));
  const dispatcher = createDispatcher({ bus, projector, logger: silentLogger }, { clusterId });
  const tell = (event: LogEvent) => {
    for (const listener of listeners) listener([event], {} as Commit);
  };
  return { dispatcher, taken, tell };
}

const largeSpec = (): ContainerSpec =>
  spec({ env: [1, 2, 3].map((n) => ({ name: `FILLER_${n}`, value: 'x'.repeat(20_000) })) });

function replicasOnOneNode(replicas: number, container: ContainerSpec): History {
  const history = createHistory();
  history.node('worker-1');
  history.wish('web', replicas, container);
  for (let slot = 1; slot <= replicas; slot += 1) history.queued('web', slot, 'worker-1');
  return history;
}

test('a wanted set has each spec once, however many replicas share it', async () => {
  const container = largeSpec();
  const replicas = Math.ceil(bodyBytesMax / JSON.stringify(container).length) + 1;
  const { dispatcher, taken } = setUp(replicasOnOneNode(replicas, container));
  dispatcher.lead();
  await until('the wanted set', () => taken.length === 1);
  dispatcher.close();
  const wanted = taken[0] as WantedCommand;
  assert.is(wanted.kind, 'wanted');
  assert.is(wanted.containers.length, replicas);
  assert.equal(wanted.specs, [{ specHash: specHashOf(container), spec: container }]);
  for (const { specHash } of wanted.containers) assert.is(specHash, wanted.specs[0]?.specHash);
});

test('a wanted set no message can carry does not keep the commands after it', async () => {
  const history = replicasOnOneNode(2, spec());
  let refusals = 0;
  const { dispatcher, taken, tell } = setUp(history, (bus) => ({
    ...bus,
    async sendCommand(command) {
      if (command.kind !== 'wanted') return bus.sendCommand(command);
      refusals += 1;
      throw new AppError('message_too_large', 'as the test wished');
    },
  }));
  dispatcher.lead();
  await until('the refusal', () => refusals === 1);
  tell(history.events.at(-1)!);
  await until('the start', () => taken.length === 1);
  dispatcher.close();
  assert.is(taken[0]?.kind, 'start');
  assert.is(refusals, 1, 'what is too large once is too large again');
});

test.run();
