/** Heartbeats on their way into the log: none is lost while an append takes long, and unknown sessions register again. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Command, Heartbeat } from '../../../../src/bus/messages.ts';
import { AppError } from '../../../../src/errors.ts';
import type { AppendResult } from '../../../../src/events/log/event-log.ts';
import type { NewEvent } from '../../../../src/events/schema/event.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { emptyClusterView, type NodeView } from '../../../../src/projections/view/cluster-view.ts';
import { createHeartbeats } from '../../../../src/reconciler/intake/heartbeat-consumer.ts';
import { createLiveness } from '../../../../src/reconciler/intake/liveness.ts';
import { createVirtualTime } from '../../../support/simulation/virtual-time.ts';

const test = suite('heartbeat consumer');
const clusterId = '00000000-0000-4000-8000-000000000000';

type Append = { sequences: number[]; finish(): void; fail(error: Error): void };

function setUp({ term = 1 }: { term?: number | null } = {}) {
  const time = createVirtualTime();
  const view = emptyClusterView();
  view.nodes.set('worker-1', { id: 'worker-1', session: 7, state: 'ready' } as NodeView);
  const liveness = createLiveness(time.clock, { timeoutMs: 5_000, scheduler: time.scheduler });
  liveness.watch('worker-1', 7);
  const appends: Append[] = [];
  const commands: Command[] = [];
  let superseded = 0;
  let handler: (heartbeat: Heartbeat) => void = () => {};
  const consumer = createHeartbeats(
    {
      ...{ liveness, clock: time.clock, logger: silentLogger, projector: { view } },
      log: {
        append: ([event]: readonly NewEvent[]) =>
          new Promise<AppendResult>((resolve, reject) => {
            assert.is(event!.type, 'HeartbeatsReceived');
            const { heartbeats } = (event as NewEvent<'HeartbeatsReceived'>).data;
            appends.push({
              sequences: heartbeats.map(({ sequence }) => sequence),
              finish: () => resolve({} as AppendResult),
              fail: reject,
            });
          }),
      },
      bus: {
        consumeHeartbeats(handle) {
          handler = handle;
          return { close: async () => {} };
        },
        async sendCommand(command) {
          commands.push(command);
        },
      },
    },
    {
      ...{ clusterId, term: () => term, scheduler: time.scheduler },
      onSuperseded: () => {
        superseded += 1;
      },
    },
  );
  consumer.start();
  const beat = (sequence: number, session = 7) =>
    handler({ clusterId, node: 'worker-1', session, sequence, sentAt: '2026-01-01T00:00:00.000Z', containers: 1 });
  /** What an append leads to happens in microtasks. */
  const pass = async (ms: number) => {
    time.advance(ms);
    await new Promise(setImmediate);
  };
  return { time, appends, commands, beat, pass, superseded: () => superseded };
}

test('a leader records what it heard each second, and an empty event when it heard nothing', async () => {
  const { appends, beat, pass } = setUp();
  beat(1);
  beat(2);
  await pass(1_000);
  assert.equal(appends[0]!.sequences, [1, 2]);
  appends[0]!.finish();
  await pass(0);
  await pass(1_000);
  assert.equal(appends[1]!.sequences, [], 'it renews the lease');
});

test('what is heard while an append takes long is recorded by the next one', async () => {
  const { appends, beat, pass } = setUp();
  beat(1);
  await pass(1_000);
  beat(2);
  await pass(1_000);
  beat(3);
  await pass(1_000);
  assert.is(appends.length, 1, 'one at a time');
  appends[0]!.finish();
  await pass(0);
  await pass(1_000);
  assert.equal(appends[1]!.sequences, [2, 3]);
});

test('after an append that failed the next second is recorded as usual', async () => {
  const { appends, beat, pass, superseded } = setUp();
  beat(1);
  await pass(1_000);
  appends[0]!.fail(new AppError('log_unavailable', 'away', { retryable: true }));
  await pass(0);
  beat(2);
  await pass(1_000);
  assert.equal(appends[1]!.sequences, [2]);
  assert.is(superseded(), 0);
  appends[1]!.fail(new AppError('term_superseded', 'term 1 is over'));
  await pass(0);
  assert.is(superseded(), 1);
});

test('a follower records nothing and asks nobody to register', async () => {
  const { appends, commands, beat, pass } = setUp({ term: null });
  beat(1);
  beat(2, 3);
  await pass(3_000);
  assert.equal([appends.length, commands.length], [0, 0]);
});

test('an older session is asked to register, once in two seconds; a later one is on its way through the log', async () => {
  const { commands, beat, pass, appends } = setUp();
  beat(1, 3);
  beat(2, 3);
  beat(3, 9);
  assert.equal(
    commands.map(({ kind }) => kind),
    ['resync'],
  );
  await pass(2_000);
  for (const append of appends) append.finish();
  beat(4, 3);
  assert.is(commands.length, 2);
});

test.run();
