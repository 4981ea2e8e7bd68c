/** A manager checks its live view against the log at each snapshot, says in the log what differs, and takes it back. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock } from '../../../../src/clock.ts';
import type { EventLog } from '../../../../src/events/log/event-log.ts';
import { createSelfCheck, type SelfCheck } from '../../../../src/history/verify/self-check.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { alarmNames } from '../../../../src/model/alarm.ts';
import { createProjector, type Projector } from '../../../../src/projections/live/projector.ts';
import { type SnapshotStore, takeSnapshot } from '../../../../src/projections/snapshots/snapshot.ts';
import { createSnapshotFiles } from '../../../../src/projections/snapshots/snapshot-files.ts';
import { openMemoryLog } from '../../../support/http/http-logs.ts';
import { record } from '../../../support/log/recorded-log.ts';
import { until } from '../../../support/wait.ts';

type Context = {
  folder: string;
  log: EventLog;
  projector: Projector;
  snapshots: SnapshotStore;
  selfCheck: SelfCheck;
  /** Messages of the log, as far as the check speaks. */
  said: string[];
  /** Keeps a snapshot of what is there now; returns its slot. */
  keep(): Promise<number>;
  /** And has it checked. */
  check(): Promise<number>;
  /** Another process, which begins where the snapshots say. */
  restart(): Promise<void>;
};

const test = suite<Context>('a manager checks itself');

test.before.each(async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'co-self-check-'));
  const log = await openMemoryLog();
  const snapshots = createSnapshotFiles(folder);
  const said: string[] = [];
  const note = (_fields: unknown, message: string) => void said.push(message);
  const logger = { ...silentLogger, debug: note, info: note, warn: note, error: note } as typeof silentLogger;
  const start = async () => {
    const projector = createProjector({ log, logger: silentLogger, clock: systemClock, snapshots });
    const selfCheck = createSelfCheck({ log, projector, snapshots, logger }, { managerId: 'manager-1', pauseMs: 1 });
    await projector.start();
    Object.assign(context, { projector, selfCheck });
  };
  const restart = async () => {
    await context.selfCheck.close();
    await context.projector.close();
    await start();
  };
  await start();
  const keep = async () => {
    const meta = { actor: 'test', causationId: null };
    await log.append([{ stream: 'cluster', type: 'HoldReleased', data: { reason: 'a test' }, meta }]);
    const head = await log.head();
    await context.projector.waitFor(head.position);
    const snapshot = await takeSnapshot(context.projector.view, head);
    await snapshots.save(snapshot);
    return snapshot.slot;
  };
  const check = async () => {
    const slot = await keep();
    const checks = said.length;
    context.selfCheck.check(slot);
    await until('the check', () => said.length > checks);
    return slot;
  };
  Object.assign(context, { folder, log, snapshots, said, keep, check, restart });
  await record(log, { nowMs: 0 }, 20);
  await check();
});

test.after.each(async ({ folder, log, projector, selfCheck }) => {
  await selfCheck.close();
  await projector.close();
  await log.close();
  await rm(folder, { recursive: true });
});

const newestSlot = async ({ snapshots }: Context) => (await snapshots.newest(Number.MAX_SAFE_INTEGER))!.slot;
const hostnameOf = ({ projector }: Context) => projector.view.nodes.get('worker-2')!.hostname;
const alarmsOf = ({ projector }: Context) => [...projector.view.alarms.values()];
const alarmEvents = async ({ log }: Context) => (await log.read({ types: ['AlarmRaised', 'AlarmCleared'] })).events;

test('a view that is what the log says raises nothing', async (context) => {
  assert.ok(context.said.every((message) => message === 'the live view is what the log says'));
  assert.equal(await alarmEvents(context), []);
});

test('a row that the log knows otherwise is an alarm that names document and field, raised once', async (context) => {
  context.projector.view.nodes.get('worker-2')!.hostname = 'elsewhere';
  await context.check();
  const [alarm] = await until('the alarm', () => (alarmsOf(context).length > 0 ? alarmsOf(context) : null));
  assert.is(alarm!.alarm, alarmNames.viewDiffers);
  assert.is(alarm!.subject, 'nodes');
  assert.is(alarm!.message, 'nodes: worker-2: hostname is "elsewhere", the log says "worker-2.example"');
  await context.check();
  await context.check();
  const events = await alarmEvents(context);
  assert.equal(
    events.map(({ type, meta }) => [type, meta.actor]),
    [['AlarmRaised', 'manager:manager-1']],
  );
});

test('a snapshot of a wrong view is taken away: nothing begins there, and the next check finds the same', async (context) => {
  const good = await newestSlot(context);
  context.projector.view.nodes.get('worker-2')!.hostname = 'elsewhere';
  for (let round = 0; round < 3; round += 1) {
    assert.ok((await context.check()) > good);
    await until('the wrong one is gone', async () => (await newestSlot(context)) === good);
  }
  assert.is(context.said.filter((message) => message === 'the live view is not what the log says').length, 3);
});

test('checks that were passed over are made up for: the next begins at the last that was right', async (context) => {
  context.projector.view.nodes.get('worker-2')!.hostname = 'elsewhere';
  await context.keep();
  await context.check();
  await until('the alarm', () => alarmsOf(context).length > 0);
});

test('after a difference nothing of the wrong view is left to begin at, checks that were passed over included', async (context) => {
  const good = await newestSlot(context);
  context.projector.view.nodes.get('worker-2')!.hostname = 'elsewhere';
  await context.keep();
  await context.check();
  await until('the wrong ones are gone', async () => (await newestSlot(context)) === good);
  await until('the alarm', () => alarmsOf(context).length > 0);
  await context.restart();
  assert.is(hostnameOf(context), 'worker-2.example');
  await context.check();
  await until('no alarm', () => alarmsOf(context).length === 0);
});

test('a process that begins at a wrong snapshot nobody checked finds it out, and the next one begins before it', async (context) => {
  const good = await newestSlot(context);
  context.projector.view.nodes.get('worker-2')!.hostname = 'elsewhere';
  await context.keep();
  await context.restart();
  assert.is(hostnameOf(context), 'elsewhere');
  await context.check();
  await until('the alarm', () => alarmsOf(context).length > 0);
  assert.is(await newestSlot(context), good);
  await context.restart();
  assert.is(hostnameOf(context), 'worker-2.example');
});

test('where nothing was ever checked the comparison begins at the first commit', async (context) => {
  const unchecked = (await context.snapshots.newest(Number.MAX_SAFE_INTEGER))!;
  context.projector.view.nodes.get('worker-2')!.hostname = 'elsewhere';
  await context.snapshots.save({ ...unchecked, isChecked: false });
  await context.keep();
  await context.restart();
  await context.check();
  await until('the alarm', () => alarmsOf(context).length > 0);
  assert.is(await context.snapshots.newest(Number.MAX_SAFE_INTEGER), null);
});

test('while the alarm stands a snapshot begins nothing before it is checked', async (context) => {
  context.projector.view.nodes.get('worker-2')!.hostname = 'elsewhere';
  await context.check();
  await until('the alarm', () => alarmsOf(context).length > 0);
  await context.keep();
  await context.restart();
  assert.is(hostnameOf(context), 'worker-2.example');
  assert.is(alarmsOf(context).length, 1);
});

test('the alarm is raised also when the snapshots cannot be taken away just now', async (context) => {
  context.snapshots.discardAfter = () => Promise.reject(new Error('the disk is away'));
  context.projector.view.nodes.get('worker-2')!.hostname = 'elsewhere';
  await context.check();
  await until('the alarm', () => alarmsOf(context).length > 0);
});

test('the alarm is cleared by the first check that is fine', async (context) => {
  const { hostname } = context.projector.view.nodes.get('worker-2')!;
  context.projector.view.nodes.get('worker-2')!.hostname = 'elsewhere';
  await context.check();
  await until('the alarm', () => alarmsOf(context).length > 0);
  context.projector.view.nodes.get('worker-2')!.hostname = hostname;
  await context.check();
  await until('no alarm', () => alarmsOf(context).length === 0);
  assert.equal(
    (await alarmEvents(context)).map(({ type }) => type),
    ['AlarmRaised', 'AlarmCleared'],
  );
});

test('a snapshot that is damaged or gone tells nothing about the view', async (context) => {
  const before = context.said.length;
  const snapshot = (await context.snapshots.newest(Number.MAX_SAFE_INTEGER))!;
  await context.snapshots.save({ ...snapshot, bytes: snapshot.bytes.subarray(1) });
  context.selfCheck.check(snapshot.slot);
  context.selfCheck.check(snapshot.slot + 1);
  await context.selfCheck.close();
  assert.is(context.said.length, before);
  assert.equal(await alarmEvents(context), []);
});

test.run();
