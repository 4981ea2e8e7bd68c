/** The agent's registration: one at a time over a bus that comes and goes, proven when challenged, and put off when refused. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSession } from '../../../src/agent/session.ts';
import type { AgentBus } from '../../../src/bus/bus.ts';
import type { RegisterReport, Report, WantedCommand } from '../../../src/bus/messages.ts';
import { systemClock } from '../../../src/clock.ts';
import { AppError } from '../../../src/errors.ts';
import { silentLogger } from '../../../src/logger.ts';
import { until } from '../../support/wait.ts';

const test = suite('agent session');
const clusterId = '00000000-0000-4000-8000-000000000000';
const node = 'worker-1';
const instance = { id: '00000000-0000-4000-8000-000000000001', pid: 1, startedAt: '2026-01-01T00:00:00.000Z' };
const other = { id: '00000000-0000-4000-8000-000000000002', pid: 2, startedAt: '2026-01-01T00:00:00.000Z' };
const engine = { kind: 'simulated' as const, engineId: 'engine', version: '1', memoryBytes: 1, cpuMillis: 1 };

type Sent = { report: RegisterReport; confirm(): void; fail(): void };

/** A session over a bus on which the test confirms each report, or does not. */
function setUp() {
  const sent: Sent[] = [];
  const sendReport = (report: Report) =>
    new Promise<void>((resolve, reject) => {
      const fail = () => reject(new AppError('bus_unavailable', 'not connected', { retryable: true }));
      sent.push({ report: report as RegisterReport, confirm: resolve, fail });
    });
  let left = 0;
  const registered: number[] = [];
  const session = createSession(
    { bus: { sendReport } as unknown as AgentBus, clock: systemClock, logger: silentLogger },
    {
      ...{ clusterId, node, instance, publicKey: 'A'.repeat(43), hostname: 'left', labels: [], agentVersion: '1' },
      onUnanswered: () => {},
      onRegistered: (sentAtMs) => registered.push(sentAtMs),
      onRefused: () => {
        left += 1;
      },
      takeInventory: async () => ({ engine, inventory: [] }),
    },
  );
  const nth = (count: number) => until(`report ${count}`, () => sent[count - 1]);
  return { session, sent, nth, registered, leftQueue: () => left };
}

const answerTo = ({ report: { registrationId } }: Sent, session: number): WantedCommand => ({
  ...{ kind: 'wanted', clusterId, node, session, position: session, causationId: 'e1' },
  ...{ registrationId, containers: [], specs: [] },
});

/** Everything that is due without time passing has happened. */
const allDone = async () => {
  for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
};

test('a bus that connects again while the registration is on its way gets no second one', async () => {
  const { session, sent, nth } = setUp();
  session.connected();
  const first = await nth(1);
  session.connected();
  await allDone();
  first.confirm();
  session.connected();
  await allDone();
  assert.is(sent.length, 1);
  session.accept(answerTo(first, 7));
  assert.is(session.number(), 7);
  session.close();
});

test('what a manager answers counts from when it was sent first, and a set that answers none does not', async () => {
  const { session, nth, registered } = setUp();
  session.connected();
  const first = await nth(1);
  const sentByMs = systemClock.monotonicMs();
  first.fail();
  session.connected();
  const again = await nth(2);
  session.accept(answerTo(again, 7));
  session.accept({ ...answerTo(again, 7), registrationId: null });
  assert.is(registered.length, 1);
  assert.ok(registered[0]! <= sentByMs);
  session.close();
});

test('a registration that was not delivered is sent again, under its id, as soon as the bus is connected', async () => {
  const { session, sent, nth } = setUp();
  session.connected();
  const first = await nth(1);
  first.fail();
  await allDone();
  assert.is(sent.length, 1);
  session.connected();
  const second = await nth(2);
  assert.is(second.report.registrationId, first.report.registrationId);
  session.close();
});

test('with a session a new connection registers again: commands may have been lost', async () => {
  const { session, nth } = setUp();
  session.connected();
  const first = await nth(1);
  first.confirm();
  session.accept(answerTo(first, 7));
  session.connected();
  const second = await nth(2);
  assert.is.not(second.report.registrationId, first.report.registrationId);
  assert.is(session.number(), 7, 'the session is valid until the next one');
  session.close();
});

test('a challenge to this instance is answered at once with the proof, one to another is not', async () => {
  const { session, sent, nth } = setUp();
  session.connected();
  (await nth(1)).confirm();
  session.challenged({ kind: 'challenge', clusterId, node, instanceId: other.id, hostname: 'right' });
  await allDone();
  assert.is(sent.length, 1);
  session.challenged({ kind: 'challenge', clusterId, node, instanceId: instance.id, hostname: 'left' });
  const proven = await nth(2);
  assert.equal([sent[0]!.report.readsQueue, proven.report.readsQueue], [undefined, true]);
  session.close();
});

test('a refusal ends the session and leaves the queue to the other instance; one of an older registration does not', async () => {
  const { session, nth, leftQueue } = setUp();
  session.connected();
  const first = await nth(1);
  first.confirm();
  session.accept(answerTo(first, 7));
  session.register();
  const second = await nth(2);
  second.confirm();
  const refusal = { clusterId, node, instanceId: instance.id, holder: { hostname: 'right', instance: other } };
  session.refused({ ...refusal, registrationId: first.report.registrationId });
  assert.equal([session.number(), leftQueue()], [7, 0]);
  session.refused({ ...refusal, registrationId: second.report.registrationId });
  assert.equal([session.number(), leftQueue(), session.holder()?.hostname], [null, 1, 'right']);
  session.close();
});

test('only the answer to the latest registration, or a later set of the session, is an answer', async () => {
  const { session, nth } = setUp();
  session.connected();
  const first = await nth(1);
  const foreign = { ...answerTo(first, 5), registrationId: '00000000-0000-4000-8000-000000000009' };
  assert.equal([session.isAnswer(foreign), session.isAnswer({ ...foreign, registrationId: null })], [false, false]);
  assert.ok(session.isAnswer(answerTo(first, 5)));
  session.accept(answerTo(first, 5));
  assert.equal(
    [session.isAnswer({ ...answerTo(first, 5), position: 4 }), session.isAnswer(answerTo(first, 4))],
    [false, false],
  );
  assert.equal(
    [session.isCurrent({ session: 5, position: 5 }), session.isCurrent({ session: 5, position: 6 })],
    [false, true],
  );
  session.close();
});

test.run();
