/** A manager checks its live view against the log at each snapshot, says in the log what differs, and takes it back. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../src/clock.ts';
import type { EventLog } from '../../src/events/event-log.ts';
import { silentLogger } from '../../src/logger.ts';
import { createProjector, type Projector } from '../../src/projections/projector.ts';
import type { SnapshotStore } from '../../src/projections/snapshot.ts';
import { createSnapshotFiles } from '../../src/projections/snapshot-files.ts';
import { createSnapshotWriter, type SnapshotWriter } from '../../src/projections/snapshot-writer.ts';
import { createSelfCheck, type SelfCheck, viewAlarm } from '../../src/replay/self-check.ts';
import { openMemoryLog } from '../support/http-logs.ts';
import { record } from '../support/recorded-log.ts';
import { until } from '../support/wait.ts';

type Context = {
  folder: string;
  log: EventLog;
  projector: Projector;
  snapshots: SnapshotStore;
  writer: SnapshotWriter;
  selfCheck: SelfCheck;
  /** Messages of the log, as far as the check speaks. */
  said: string[];
  /** Resolves once a snapshot of what is there now was checked. */
  checkAgain(): Promise<void>;
};

const test = suite<Context>('a manager checks itself');

test.before.each(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'co-self-check-'));
  const log = await openMemoryLog();
  const projector = createProjector({ log, logger: silentLogger, clock: systemClock });
  const snapshots = createSnapshotFiles(context.folder);
  const said: string[] = [];
  const note = (_fields: unknown, message: string) => void said.push(message);
  const logger = { ...silentLogger, debug: note, info: note, warn: note, error: note } as typeof silentLogger;
  const selfCheck = createSelfCheck({ log, projector, snapshots, logger }, { managerId: 'manager-1', restMs: 1 });
  const writer = createSnapshotWriter(
    { projector, snapshots, logger: silentLogger, isWriter: () => true, onTaken: selfCheck.check },
    { every: 1 },
  );
  await projector.start();
  const checks = () => said.filter((message) => message.startsWith('the live view ')).length;
  const checkAgain = async () => {
    // One may be under way for an earlier snapshot, and what is appended while one is being kept brings none of its own.
    const enough = checks() + 2;
    const meta = { actor: 'test', causationId: null };
    await until('another check', async () => {
      await log.append([{ stream: 'cluster', type: 'HoldReleased', data: { reason: 'a test' }, meta }]);
      return checks() >= enough;
    });
  };
  Object.assign(context, { log, projector, snapshots, writer, selfCheck, said, checkAgain });
  await record(log, { nowMs: 0 }, 20);
  await checkAgain();
});

test.after.each(async ({ folder, log, projector, writer, selfCheck }) => {
  await writer.close();
  await selfCheck.close();
  await projector.close();
  await log.close();
  await rm(folder, { recursive: true });
});

const alarmsOf = ({ projector }: Context) => [...projector.view.alarms.values()];
const alarmEvents = async ({ log }: Context) => (await log.read({ types: ['AlarmRaised', 'AlarmCleared'] })).events;

test('a view that is what the log says raises nothing', async (context) => {
  assert.ok(context.said.every((message) => message === 'the live view is what the log says'));
  assert.equal(await alarmEvents(context), []);
});

test('a row that the log knows otherwise is an alarm that names document and field, raised once', async (context) => {
  context.projector.view.nodes.get('worker-2')!.hostname = 'elsewhere';
  await context.checkAgain();
  const [alarm] = await until('the alarm', () => (alarmsOf(context).length > 0 ? alarmsOf(context) : null));
  assert.is(alarm!.alarm, viewAlarm);
  assert.is(alarm!.subject, 'nodes');
  assert.is(alarm!.message, 'nodes: worker-2: hostname is "elsewhere", the log says "worker-2.example"');
  await context.checkAgain();
  await context.checkAgain();
  const events = await alarmEvents(context);
  assert.equal(
    events.map(({ type, meta }) => [type, meta.actor]),
    [['AlarmRaised', 'manager:manager-1']],
  );
});

test('a snapshot of a wrong view is taken away: nothing begins there, and the next check finds the same', async (context) => {
  const good = (await context.snapshots.newest(Number.MAX_SAFE_INTEGER))!.slot;
  context.projector.view.nodes.get('worker-2')!.hostname = 'elsewhere';
  await context.checkAgain();
  await until('the alarm', () => alarmsOf(context).length > 0);
  await context.checkAgain();
  await context.writer.close();
  await until('the wrong ones are gone', async () => {
    await context.selfCheck.check((await context.snapshots.newest(Number.MAX_SAFE_INTEGER))!.slot);
    return (await context.snapshots.newest(Number.MAX_SAFE_INTEGER))!.slot <= good;
  });
  assert.is(alarmsOf(context).length, 1);
});

test('the alarm is cleared by the first check that is fine', async (context) => {
  const { hostname } = context.projector.view.nodes.get('worker-2')!;
  context.projector.view.nodes.get('worker-2')!.hostname = 'elsewhere';
  await context.checkAgain();
  await until('the alarm', () => alarmsOf(context).length > 0);
  context.projector.view.nodes.get('worker-2')!.hostname = hostname;
  await context.checkAgain();
  await until('no alarm', () => alarmsOf(context).length === 0);
  assert.equal(
    (await alarmEvents(context)).map(({ type }) => type),
    ['AlarmRaised', 'AlarmCleared'],
  );
});

test('a snapshot that is damaged or gone tells nothing about the view', async (context) => {
  const before = context.said.length;
  const snapshot = (await context.snapshots.newest(Number.MAX_SAFE_INTEGER))!;
  await context.writer.close();
  await context.snapshots.save({ ...snapshot, bytes: snapshot.bytes.subarray(1) });
  context.selfCheck.check(snapshot.slot);
  context.selfCheck.check(snapshot.slot + 1);
  await context.selfCheck.close();
  assert.is(context.said.length, before);
  assert.equal(await alarmEvents(context), []);
});

test.run();
