/** What nodes are sent, on the embedded broker: one view, one dispatcher, and whoever takes commands. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ManagerBus } from '../../../../src/bus/bus.ts';
import { createEmbeddedBroker } from '../../../../src/bus/embedded/embedded-bus.ts';
import { bodyBytesMax } from '../../../../src/bus/message-codec.ts';
import type { Command, StartCommand, WantedCommand } from '../../../../src/bus/messages.ts';
import { AppError } from '../../../../src/errors.ts';
import type { AppendOptions } from '../../../../src/events/log/event-log.ts';
import { type Commit, type LogEvent, type NewEvent, streams } from '../../../../src/events/schema/event.ts';
import { assertEvent } from '../../../../src/events/schema/validate-event.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { restartPolicyDefault } from '../../../../src/model/policy.ts';
import type { ContainerSpec } from '../../../../src/model/service.ts';
import type { Projector } from '../../../../src/projections/live/projector.ts';
import { emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { nothingTouched } from '../../../../src/projections/view/touched.ts';
import { createDispatcher } from '../../../../src/reconciler/dispatcher/dispatcher.ts';
import { clusterId, createHistory, type History, spec, specHashOf } from '../../../support/log/history.ts';

import { until } from '../../../support/wait.ts';

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
  const tell = (event: LogEvent) => {
    for (const listener of listeners) listener([event], {} as Commit, nothingTouched());
  };
  const written: NewEvent[] = [];
  const log = {
    async append([event]: readonly NewEvent[], options: AppendOptions = {}) {
      assertEvent(event!);
      assert.is(options.term, 1);
      written.push(event!);
      const folded = history.add(event!.type, event!.data, event!.stream);
      evolve(view, folded);
      tell(folded);
      return { first: folded.position, last: folded.position, at: folded.at, repeated: false };
    },
  };
  const dispatcher = createDispatcher(
    { log, bus, projector, vault: null, logger: silentLogger },
    { clusterId, nodeTimeoutMs: 5_000, tooLargeRetryMs: 50 },
  );
  return { dispatcher, taken, tell, view, written };
}

/** Refuses wanted sets for as long as they are too large, and counts them. */
function narrowBus() {
  const narrow = { isTooLarge: true, refusals: 0 };
  const through = (bus: ManagerBus): ManagerBus => ({
    ...bus,
    async sendCommand(command) {
      if (command.kind !== 'wanted' || !narrow.isTooLarge) return bus.sendCommand(command);
      narrow.refusals += 1;
      const details = { bytes: 16_000_000, bytesMax: bodyBytesMax };
      throw new AppError('message_too_large', 'as the test asked', { details });
    },
  });
  return { narrow, through };
}

const largeSpec = (): ContainerSpec =>
  spec({ env: [1, 2, 3].map((n) => ({ name: `FILLER_${n}`, value: 'x'.repeat(20_000) })) });

function replicasOnOneNode(replicas: number, container: ContainerSpec): History {
  const history = createHistory();
  history.node('worker-1');
  history.serviceRequested('web', replicas, container);
  for (let slot = 1; slot <= replicas; slot += 1) history.queued('web', slot, 'worker-1');
  return history;
}

test('a wanted set has each spec once, however many replicas share it', async () => {
  const container = largeSpec();
  const replicas = Math.ceil(bodyBytesMax / JSON.stringify(container).length) + 1;
  const { dispatcher, taken } = setUp(replicasOnOneNode(replicas, container));
  dispatcher.lead(1);
  await until('the wanted set', () => taken.length === 1);
  dispatcher.close();
  const wanted = taken[0] as WantedCommand;
  assert.is(wanted.kind, 'wanted');
  assert.is(wanted.containers.length, replicas);
  assert.equal(wanted.specs, [{ specHash: specHashOf(container), spec: container }]);
  for (const { specHash } of wanted.containers) assert.is(specHash, wanted.specs[0]?.specHash);
});

test('the set of a new leader answers the registration that began the session', async () => {
  const history = createHistory();
  const { data } = history.node('worker-1') as LogEvent<'NodeRegistered'>;
  const registrationId = '00000000-0000-4000-8000-000000000007';
  history.add('NodeReturned', { ...data, registrationId });
  const { dispatcher, taken } = setUp(history);
  dispatcher.lead(1);
  await until('the wanted set', () => taken.length === 1);
  dispatcher.close();
  const wanted = taken[0] as WantedCommand;
  assert.equal([wanted.kind, wanted.session, wanted.registrationId], ['wanted', 2, registrationId]);
});

test('an agent that knows digests is sent them, or that none is known; an older one takes the image as it is named', async () => {
  const digest = `sha256:${'1'.repeat(64)}`;
  for (const [hasKey, isResolved, expected] of [
    [true, false, null],
    [true, true, digest],
    [false, true, undefined],
  ] as const) {
    const history = createHistory();
    const { data, stream } = history.node('worker-1');
    if (hasKey) history.add('NodeReturned', { ...(data as object), publicKey: 'A'.repeat(43) } as never, stream);
    const { position } = history.serviceRequested('web', 2);
    const first = history.queued('web', 1, 'worker-1');
    const said = { service: 'web', generation: 1, specHash: specHashOf(spec()), image: 'nginx', digest, reason: null };
    const resolved = { ...said, container: first, node: 'worker-1' };
    if (isResolved) history.add('ImageResolved', resolved, streams.image('web', position));
    history.queued('web', 2, 'worker-1');
    const { dispatcher, taken, tell } = setUp(history);
    dispatcher.lead(1);
    tell(history.events.at(-1)!);
    await until('the wanted set and the start', () => taken.length === 2);
    dispatcher.close();
    const [wanted, start] = taken as [WantedCommand, StartCommand];
    assert.equal(
      wanted.containers.map((container) => container.digest),
      [expected, expected],
    );
    assert.is(start.digest, expected);
  }
});

test('an agent learns how its containers restart, and the node time-out, unless it is an older one', async () => {
  for (const [hasKey, condition, expected] of [
    [true, 'always', true],
    [true, 'never', false],
    [false, 'always', false],
  ] as const) {
    const history = createHistory();
    const { data, stream } = history.node('worker-1');
    if (hasKey) history.add('NodeReturned', { ...(data as object), publicKey: 'A'.repeat(43) } as never, stream);
    const restart = { ...restartPolicyDefault, condition };
    history.serviceRequested('web', 1, spec(), { restart, onDisconnect: 'keep' });
    history.queued('web', 1, 'worker-1');
    const { dispatcher, taken, tell } = setUp(history);
    dispatcher.lead(1);
    tell(history.events.at(-1)!);
    await until('set and start', () => taken.length === 2);
    dispatcher.close();
    const [wanted, start] = taken as [WantedCommand, StartCommand];
    const rule = { policy: restart, onDisconnect: 'keep' };
    assert.equal(start.restart, expected ? rule : undefined);
    assert.equal(wanted.restarts ?? [], expected ? [{ service: 'web', ...rule }] : []);
    assert.is(wanted.nodeTimeoutMs, hasKey ? 5_000 : undefined);
  }
});

test('a wanted set no message can carry does not keep the commands after it', async () => {
  const history = replicasOnOneNode(2, spec());
  const { narrow, through } = narrowBus();
  const { dispatcher, taken, tell } = setUp(history, through);
  const queued = history.events.at(-1)!;
  dispatcher.lead(1);
  await until('the refusal', () => narrow.refusals === 1);
  tell(queued);
  await until('the start', () => taken.length === 1);
  dispatcher.close();
  assert.is(taken[0]?.kind, 'start');
});

test('it is an alarm that says how much it is, raised once, tried again, and over when the set gets through', async () => {
  const { narrow, through } = narrowBus();
  const { dispatcher, taken, view, written } = setUp(replicasOnOneNode(2, spec()), through);
  dispatcher.lead(1);
  await until('it to be tried again', () => narrow.refusals === 3);
  assert.is(written.length, 1);
  const [alarm] = view.alarms.values();
  assert.is(alarm?.alarm, 'wanted set too large');
  assert.match(alarm!.message, /^worker-1 cannot .* 2 containers of 1 specs are 16000000 bytes, and one message holds/);
  narrow.isTooLarge = false;
  await until('the set', () => taken.length === 1);
  await until('the alarm to be over', () => view.alarms.size === 0);
  dispatcher.close();
  assert.equal(
    written.map(({ type }) => type),
    ['AlarmRaised', 'AlarmCleared'],
  );
});

test('the alarm goes with its node, also under a leader who comes later', async () => {
  for (const isLaterLeader of [false, true]) {
    const history = replicasOnOneNode(2, spec());
    const { narrow, through } = narrowBus();
    const { dispatcher, tell, view } = setUp(history, through);
    dispatcher.lead(1);
    await until('the alarm', () => view.alarms.size === 1 && narrow.refusals > 0);
    if (isLaterLeader) dispatcher.stopLeading();
    const data = { node: 'worker-1', session: 1, lastHeardAt: null, silentMs: 6_000 };
    const lost = history.add('NodeLost', data);
    evolve(view, lost);
    tell(lost);
    assert.is(view.alarms.size, Number(isLaterLeader));
    if (isLaterLeader) dispatcher.lead(1);
    assert.is(view.alarms.size, 0);
    dispatcher.close();
  }
});

test.run();
