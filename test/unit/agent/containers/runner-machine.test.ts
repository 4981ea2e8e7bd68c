/** The runner machine with operations that the test ends: what interrupts what, and what is reported. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createActor } from 'xstate';
import type { Run } from '../../../../src/agent/containers/container-start.ts';
import { type Operations, type Outcome, runnerMachine } from '../../../../src/agent/containers/runner-machine.ts';
import type { EngineContainer } from '../../../../src/agent/engine/engine.ts';
import type { ReportBody } from '../../../../src/agent/reports/reporter.ts';

const test = suite('runner machine');
const run = { container: 'web.1-a' } as Run;
const cause = (position: number) => ({ position, causationId: `e${position}` });
const starting: ReportBody = { kind: 'starting', causationId: 'e1' };
const running = { kind: 'running', causationId: 'e1' } as ReportBody;
const stopped: ReportBody = { kind: 'stopped', causationId: 'e2', exitCode: 0 };
const completed: ReportBody = { kind: 'completed', causationId: null, logTail: [] };

type Begun = { name: string; end(outcome: unknown): void; fail(): void; signal: AbortSignal | undefined };

function setUp() {
  const begun: Begun[] = [];
  const did: string[] = [];
  const operation =
    (name: string) =>
    (_command?: unknown, signal?: AbortSignal): Promise<never> =>
      new Promise((resolve, reject) => {
        begun.push({ name, signal, end: resolve as (outcome: unknown) => void, fail: () => reject(new Error(name)) });
      });
  const operations: Operations = {
    start: operation('start'),
    look: operation('look'),
    conclude: operation('conclude'),
    stop: operation('stop'),
    remove: operation('remove'),
    clear: operation('clear'),
    reportStarting: () => starting,
    reportRunning: () => running,
    report: ({ kind }) => did.push(kind),
    reportUntilConfirmed: ({ kind }) => did.push(`${kind} until confirmed`),
    dropReports: () => did.push('drop'),
    probe: () => {},
    forgetHealth: () => {},
    onCleared: () => did.push('cleared'),
  };
  const actor = createActor(runnerMachine, { input: { operations } }).start();
  const { send } = actor;
  /** Ends the operation that began last, and lets what follows happen. */
  const end = async (outcome: Outcome | ReportBody | null | undefined) => {
    begun.at(-1)!.end(outcome);
    await new Promise(setImmediate);
  };
  return {
    ...{ actor, begun, did, end },
    send: send.bind(actor),
    names: () => begun.map(({ name }) => name),
    phase: () => Object.keys(actor.getSnapshot().value)[0],
    position: () => actor.getSnapshot().context.position,
    start: () => actor.send({ type: 'start', run, cause: cause(1), after: Promise.resolve() }),
  };
}

test('a container that is started, runs, is stopped, and leaves the engine once its end is confirmed', async () => {
  const { send, start, end, names, did, phase, position } = setUp();
  start();
  assert.equal([phase(), position()], ['waiting', 1]);
  await end({ isRunning: true, report: running });
  assert.is(phase(), 'running');
  send({ type: 'stop', cause: cause(2), timeoutSeconds: 10 });
  assert.equal([phase(), position()], ['stopping', 2]);
  await end({ isRunning: false, report: stopped });
  assert.equal([phase(), names()], ['ended', ['start', 'stop']]);
  send({ type: 'confirmed' });
  await end(undefined);
  assert.equal(names(), ['start', 'stop', 'clear']);
  assert.equal(did, ['running', 'stopped until confirmed', 'cleared']);
});

test('a stop interrupts a start, whose outcome then counts for nothing', async () => {
  const { send, start, begun, did, end, phase } = setUp();
  start();
  send({ type: 'stop', cause: cause(2), timeoutSeconds: 10 });
  assert.is(begun[0]!.signal?.aborted, true);
  begun[0]!.end({ isRunning: true, report: running });
  await end({ isRunning: false, report: stopped });
  assert.equal([phase(), did], ['ended', ['stopped until confirmed']]);
});

test('a hint while it starts is followed when it runs, and one while it is followed is followed again', async () => {
  const { send, start, end, names, did, phase } = setUp();
  start();
  send({ type: 'look' });
  assert.equal(names(), ['start']);
  await end({ isRunning: true, report: running });
  assert.equal(names(), ['start', 'look']);
  send({ type: 'look' });
  await end(null);
  assert.equal([names(), phase()], [['start', 'look', 'look'], 'running']);
  await end({ isRunning: false, report: completed });
  assert.equal([phase(), did], ['ended', ['running', 'completed until confirmed']]);
});

test('a repetition reports the present state, after the end until it is confirmed, and nothing while it stops', async () => {
  const { send, start, end, did } = setUp();
  start();
  send({ type: 'repeat' });
  await end({ isRunning: true, report: running });
  send({ type: 'repeat' });
  send({ type: 'stop', cause: cause(2), timeoutSeconds: 10 });
  send({ type: 'repeat' });
  await end({ isRunning: false, report: stopped });
  send({ type: 'repeat' });
  assert.equal(did, ['starting', 'running', 'running', 'stopped until confirmed', 'stopped until confirmed']);
});

test('a removal goes without an end; what was there is reported as removed', async () => {
  const { send, end, did, phase } = setUp();
  send({ type: 'adopt', run, cause: cause(1), found: {} as EngineContainer, isNewsToLog: false });
  send({ type: 'remove', cause: cause(3), reason: 'not desired' });
  assert.is(phase(), 'stopping');
  await end({ kind: 'stale-removed', causationId: 'e3', reason: 'not desired' });
  assert.equal([phase(), did], ['ended', ['stale-removed until confirmed']]);
  send({ type: 'confirmed' });
  send({ type: 'remove', cause: cause(4), reason: 'not desired' });
  assert.equal(did.at(-1), 'cleared');
});

test('a stop that failed in an unforeseen way can be asked for again', async () => {
  const { send, start, end, begun, names, phase } = setUp();
  start();
  await end({ isRunning: true, report: running });
  send({ type: 'stop', cause: cause(2), timeoutSeconds: 10 });
  begun.at(-1)!.fail();
  await new Promise(setImmediate);
  assert.is(phase(), 'stopping');
  send({ type: 'stop', cause: cause(5), timeoutSeconds: 10 });
  assert.equal(names(), ['start', 'stop', 'stop']);
});

test('a stop after the end changes the position and nothing else', async () => {
  const { send, start, end, names, position, phase } = setUp();
  start();
  await end({ isRunning: false, report: completed });
  send({ type: 'stop', cause: cause(9), timeoutSeconds: 10 });
  assert.equal([names(), position(), phase()], [['start'], 9, 'ended']);
});

test.run();
