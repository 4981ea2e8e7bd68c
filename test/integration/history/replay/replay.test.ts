/** Replay and snapshots: any point of the past is the fold of the events up to it, with or without a snapshot to begin at. */

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { busyCluster, writeHistory } from '../../../../bench/fold-history.ts';
import { systemClock } from '../../../../src/clock.ts';
import type { AppError } from '../../../../src/errors.ts';
import type { EventLog } from '../../../../src/events/log/event-log.ts';
import { createTimeTravel } from '../../../../src/history/replay/past-views.ts';
import { type PointInTime, replay } from '../../../../src/history/replay/replay.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { createProjector } from '../../../../src/projections/live/projector.ts';
import { createSnapshotWriter } from '../../../../src/projections/live/snapshot-writer.ts';
import { withDeadline } from '../../../../src/projections/read-models/operation-deadline.ts';
import { createSnapshotCollection } from '../../../../src/projections/read-models/snapshot-collection.ts';
import { stateBody } from '../../../../src/projections/rows/state-bodies.ts';
import {
  type Snapshot,
  type SnapshotStore,
  snapshotsMax,
  thinOut,
} from '../../../../src/projections/snapshots/snapshot.ts';
import { createSnapshotFiles } from '../../../../src/projections/snapshots/snapshot-files.ts';
import type { ClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { fact } from '../../../support/log/log-events.ts';
import { type LogPlace, logKinds, mongodbUrl, openLogAt } from '../../../support/log/logs.ts';
import { until } from '../../../support/wait.ts';

const shape = { ...busyCluster, nodes: 20, services: 5, replicas: 8 };
const batches = 60;

type SnapshotPlace = { name: string; open(): Promise<{ snapshots: SnapshotStore; remove(): Promise<void> }> };

const places: SnapshotPlace[] = [
  {
    name: 'files',
    async open() {
      const folder = await mkdtemp(join(tmpdir(), 'co-snapshots-'));
      return { snapshots: createSnapshotFiles(folder), remove: () => rm(folder, { recursive: true }) };
    },
  },
];
if (mongodbUrl) {
  places.push({
    name: 'mongodb',
    async open() {
      const client = new MongoClient(mongodbUrl!);
      const db = client.db(`co-test-snapshots-${process.pid}`);
      const remove = async () => {
        await db.dropDatabase();
        await client.close();
      };
      return { snapshots: createSnapshotCollection(db), remove };
    },
  });
}

/** Everything a person can see of a view; maps and sets too, so that nothing hides. */
const visible = (view: ClusterView) => ({
  ...stateBody(view, { log: '', bus: '' }),
  all: [view.ended, view.queued, view.blocked, view.delayed, view.removedServices, view.engines].map((part) => [
    ...part,
  ]),
});

async function fill(log: EventLog): Promise<void> {
  let written = 0;
  for (const batch of writeHistory(shape)) {
    await log.append(batch);
    written += 1;
    if (written >= batches) return;
  }
}

for (const { name, open } of places) {
  const test = suite(`replay with snapshots in ${name}`);
  let place: LogPlace;
  let log: EventLog;
  let snapshots: SnapshotStore;
  let remove: () => Promise<void>;
  const deps = () => ({ log, logger: silentLogger, snapshots });
  const plain = (to: PointInTime) => replay({ log, logger: silentLogger }, { to });

  test.before.each(async () => {
    place = await logKinds[0]!.createPlace();
    log = await openLogAt(place);
    ({ snapshots, remove } = await open());
    const projector = createProjector({ log, logger: silentLogger, clock: systemClock });
    await projector.start();
    const taken: number[] = [];
    const writer = createSnapshotWriter(
      { projector, snapshots, logger: silentLogger, isWriter: () => true, onTaken: (slot) => taken.push(slot) },
      { every: 200 },
    );
    await fill(log);
    await projector.waitFor((await log.head()).position);
    await until('a snapshot is kept', () => taken.length > 0);
    await writer.close();
    await projector.close();
  });
  test.after.each(async () => {
    await log.close();
    await remove();
  });

  test('every position gives the same view from a snapshot as from the first event', async () => {
    const { position: head } = await log.head();
    for (let position = 1; position <= head; position += 37) {
      const [quick, whole] = [await replay(deps(), { to: { position } }), await plain({ position })];
      assert.is(quick.position, position);
      assert.equal(visible(quick), visible(whole));
    }
    assert.equal(visible(await replay(deps(), { to: 'head' })), visible(await plain('head')));
  });

  test('a replay to the head reads only what follows the newest snapshot', async () => {
    let read = 0;
    const counting = {
      ...log,
      readCommits: async (range: Parameters<EventLog['readCommits']>[0]) => {
        const found = await log.readCommits(range);
        read += found.length;
        return found;
      },
    };
    await replay({ ...deps(), log: counting }, { to: 'head' });
    const { slot } = (await snapshots.newest(Number.MAX_SAFE_INTEGER))!;
    // And the commit at the snapshot itself, to see that it fits.
    assert.is(read, (await log.head()).slot - slot + 1);
  });

  test('a manager begins at the newest snapshot and ends where a whole fold ends', async () => {
    const projector = createProjector({ log, logger: silentLogger, clock: systemClock, snapshots });
    await projector.start();
    assert.equal(visible(projector.view), visible(await plain('head')));
    await projector.close();
  });

  test('a snapshot of another log, of other bytes or of another program is discarded, and the fold is right all the same', async () => {
    const newest = (await snapshots.newest(Number.MAX_SAFE_INTEGER))!;
    const wrong = [
      { ...newest, commitHash: '0'.repeat(64) },
      { ...newest, bytes: Buffer.from(newest.bytes.map((byte, index) => (index === 40 ? byte ^ 1 : byte))) },
      { ...newest, projectionVersion: newest.projectionVersion + 1 },
      { ...newest, format: 'v8 0.0' },
    ];
    for (const snapshot of wrong) {
      await snapshots.save(snapshot);
      assert.equal(visible(await replay(deps(), { to: 'head' })), visible(await plain('head')));
      assert.is.not((await snapshots.newest(Number.MAX_SAFE_INTEGER))?.slot, snapshot.slot);
    }
  });

  test('those that were checked are told apart, and all after a slot are taken away at once', async () => {
    const newest = (await snapshots.newest(Number.MAX_SAFE_INTEGER))!;
    const { slot } = newest;
    assert.is(await snapshots.newest(slot, { isChecked: true }), null);
    await snapshots.save({ ...newest, isChecked: true });
    await snapshots.save({ ...newest, slot: slot + 1 });
    await snapshots.save({ ...newest, slot: slot + 2 });
    const checked = await snapshots.newest(slot + 2, { isChecked: true });
    assert.is(checked!.slot, slot);
    assert.ok(checked!.bytes.equals(newest.bytes));
    await snapshots.discardAfter(slot);
    assert.is((await snapshots.newest(slot + 2))!.slot, slot);
  });

  test('a time just past is asked anew: another commit of the same millisecond still belongs to it', async () => {
    const { at, position } = await log.head();
    const past = createTimeTravel(deps());
    assert.is((await past.viewAt({ time: at })).position, position);
    const second = await openLogAt(place, { writer: 'second', clock: { nowMs: () => 0 } });
    await second.append([fact('late')]);
    assert.is((await second.head()).at, at);
    assert.is((await past.viewAt({ time: at })).position, position + 1);
    past.close();
    await second.close();
  });

  test('a time means the last commit that is not later', async () => {
    const { at, position } = await log.head();
    assert.is((await replay(deps(), { to: { time: at } })).position, position);
    const [first] = await log.readCommits({ afterSlot: 0, limit: 1 });
    const before = new Date(Date.parse(first!.at) - 1).toISOString();
    assert.is(await codeOf(() => replay(deps(), { to: { time: before } })), 'moment_before_log');
    assert.is(await codeOf(() => replay(deps(), { to: { position: position + 1 } })), 'moment_in_future');
    assert.is(await codeOf(() => replay(deps(), { to: { position: 0 } })), 'moment_before_log');
  });

  test.run();
}

const database = suite('snapshots in a database');

database('are found by an index, which whoever writes makes', async () => {
  const client = new MongoClient(mongodbUrl!);
  const db = client.db(`co-test-snapshot-indexes-${process.pid}`);
  const snapshots = createSnapshotCollection(db);
  await snapshots.newest(1);
  assert.equal(await db.listCollections().toArray(), []);
  await snapshots.save(blank(1));
  const keys = (await db.collection('snapshots').indexes()).map(({ key }) => key);
  assert.equal(keys, [{ _id: 1 }, { chunk: 1, slot: -1 }, { slot: 1, chunk: 1 }]);
  await db.dropDatabase();
  await client.close();
});

const others = suite('snapshots');

const blank = (slot: number): Snapshot => ({
  ...{ slot, position: 9, at: '', commitHash: '', projectionVersion: 1, format: '', bytesHash: '' },
  bytes: Buffer.from('x'),
});

others('what a crash left half written is taken away by the next save', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'co-snapshots-'));
  const left = join(folder, '000000000000003.snapshot.new');
  await writeFile(left, 'half');
  await createSnapshotFiles(folder).save(blank(5));
  assert.equal(await readdir(folder), ['000000000000005.snapshot']);
  await rm(folder, { recursive: true });
});

others('a database that does not answer is given up', async () => {
  const never = new Promise<never>(() => {});
  assert.is(await codeOf(() => withDeadline(never, 10)), 'database_late');
});

others('half a file is no snapshot', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'co-snapshots-'));
  const files = createSnapshotFiles(folder);
  await files.save(blank(5));
  const [name] = await readdir(folder);
  await writeFile(join(folder, name!), (await readFile(join(folder, name!))).subarray(0, 10));
  assert.is(await files.newest(10), null);
  await rm(folder, { recursive: true });
});

others('what is kept is bounded, and the newest stay', () => {
  const slots = Array.from({ length: snapshotsMax + 1 }, (_, n) => n);
  const gone = new Set(thinOut(slots));
  assert.is(thinOut(slots.slice(1)).length, 0);
  assert.ok(gone.size > snapshotsMax / 5);
  assert.ok(slots.slice(-snapshotsMax / 2).every((slot) => !gone.has(slot)));
});

others.run();
if (mongodbUrl) database.run();
else {
  const skipped = suite('snapshots in a database');
  console.log('skipped: CO_TEST_MONGODB_URL is not set');
  skipped.skip('are found by an index');
  skipped.run();
}

async function codeOf(attempt: () => Promise<unknown>): Promise<string> {
  try {
    await attempt();
    return 'nothing was refused';
  } catch (error) {
    return (error as AppError).code;
  }
}
