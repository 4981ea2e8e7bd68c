/** The session machine by itself: what is sent again when, on a clock that the test moves. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createActor, SimulatedClock } from 'xstate';
import { type Registration, sessionMachine } from '../../../src/agent/session-machine.ts';
import type { Refusal } from '../../../src/bus/messages.ts';

const test = suite('session machine');
const inventory = {
  engine: { kind: 'simulated' as const, engineId: 'engine', version: '1', memoryBytes: 1, cpuMillis: 1 },
  inventory: [],
};
const refusalOf = (registrationId: string): Refusal =>
  ({
    registrationId,
    holder: { hostname: 'right', instance: { id: 'i2', pid: 2, startedAt: '' } },
  }) as unknown as Refusal;

/** What waits for nothing but promises has happened. */
const settled = () => new Promise(setImmediate);

function setUp() {
  const clock = new SimulatedClock();
  const sent: Registration[] = [];
  const unanswered: number[] = [];
  const failures: string[] = [];
  const fails = { inventory: false, delivery: false };
  let ids = 0;
  const operations = {
    newRegistrationId() {
      ids += 1;
      return `r${ids}`;
    },
    async takeInventory() {
      if (fails.inventory) throw new Error('no list');
      return inventory;
    },
    async send(registration: Registration) {
      sent.push(registration);
      if (fails.delivery) throw new Error('not connected');
    },
    onUnanswered: (afterMs: number) => void unanswered.push(afterMs),
    onFailed: (_: unknown, what: string) => void failures.push(what),
    onRefused: () => {},
  };
  const actor = createActor(sessionMachine, { input: { operations }, clock }).start();
  const pass = async (ms: number) => {
    clock.increment(ms);
    await settled();
  };
  const send = async (event: Parameters<typeof actor.send>[0]) => {
    actor.send(event);
    await settled();
  };
  return { actor, sent, unanswered, failures, fails, pass, send };
}

test('an answer is waited for twice as long each time, up to 15 s, and the registration keeps its id', async () => {
  const { sent, unanswered, pass, send } = setUp();
  await send({ type: 'connected' });
  for (const waitMs of [2_000, 4_000, 8_000, 15_000, 15_000]) {
    await pass(waitMs - 1);
    const before = sent.length;
    await pass(1);
    assert.is(sent.length, before + 1);
  }
  assert.equal(unanswered, [2_000, 4_000, 8_000, 15_000, 15_000]);
  assert.equal([...new Set(sent.map(({ registrationId }) => registrationId))], ['r1']);
});

test('what the broker has is not sent again when the bus reconnects; its answer is waited for from then', async () => {
  const { sent, pass, send } = setUp();
  await send({ type: 'connected' });
  await pass(1_900);
  await send({ type: 'connected' });
  await pass(1_900);
  assert.is(sent.length, 1);
  await pass(100);
  assert.is(sent.length, 2);
});

test('a resync just after an answer is ignored; a later one registers under a new id', async () => {
  const { actor, sent, pass, send } = setUp();
  await send({ type: 'connected' });
  await send({ type: 'accepted', session: 7, position: 7 });
  await pass(1_499);
  await send({ type: 'resync' });
  assert.is(sent.length, 1);
  await pass(1);
  await send({ type: 'resync' });
  assert.equal(
    sent.map(({ registrationId }) => registrationId),
    ['r1', 'r2'],
  );
  assert.is(actor.getSnapshot().context.accepted?.session, 7, 'valid until the next is accepted');
});

test('a refusal of this registration gives the session up and asks again in 5 s; of another one it is ignored', async () => {
  const { actor, sent, pass, send } = setUp();
  await send({ type: 'connected' });
  await send({ type: 'accepted', session: 7, position: 7 });
  await send({ type: 'register' });
  await send({ type: 'refused', refusal: refusalOf('r1') });
  assert.is(actor.getSnapshot().context.accepted?.session, 7);
  await send({ type: 'refused', refusal: refusalOf('r2') });
  assert.is(actor.getSnapshot().context.accepted, null);
  assert.is(actor.getSnapshot().context.holder?.hostname, 'right');
  await send({ type: 'retryNow' });
  await pass(4_999);
  assert.is(sent.length, 2);
  await pass(1);
  assert.is(sent.length, 3);
});

test('a challenge is answered at once by a registration with the proof; the one after carries it no more', async () => {
  const { sent, pass, send } = setUp();
  await send({ type: 'connected' });
  await send({ type: 'challenged' });
  await pass(2_000);
  assert.equal(
    sent.map(({ readsQueue }) => readsQueue),
    [undefined, true, undefined],
  );
});

test('an inventory that fails is taken again, also after an unexpected error', async () => {
  const { sent, failures, fails, pass, send } = setUp();
  fails.inventory = true;
  await send({ type: 'connected' });
  assert.equal(failures, ['inventory']);
  fails.inventory = false;
  await pass(15_000);
  assert.is(sent.length, 1);
});

test('a closed session does nothing more', async () => {
  const { sent, pass, send } = setUp();
  await send({ type: 'connected' });
  await send({ type: 'close' });
  await send({ type: 'register' });
  await pass(60_000);
  assert.is(sent.length, 1);
});

test.run();
