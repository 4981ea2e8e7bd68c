/** The collections a person reads with a Mongo shell follow the view, and heal after any crash. */

import { setTimeout as pause } from 'node:timers/promises';
import { type Collection, type Db, MongoClient } from 'mongodb';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Commit, LogEvent } from '../../../../src/events/schema/event.ts';
import { silentLogger } from '../../../../src/logger.ts';
import type { FoldListener } from '../../../../src/projections/live/projector.ts';
import { rebuildReadModels } from '../../../../src/projections/read-models/read-model-documents.ts';
import {
  createReadModelWriter,
  type ReadModelWriter,
} from '../../../../src/projections/read-models/read-model-writer.ts';
import { containerRow } from '../../../../src/projections/rows/container-row.ts';
import { nodeRow } from '../../../../src/projections/rows/node-row.ts';
import { serviceRow } from '../../../../src/projections/rows/service-row.ts';
import { type ClusterView, emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolveCommit } from '../../../../src/projections/view/evolve.ts';
import { createHistory, type History, spec, specHashOf, timeOf } from '../../../support/log/history.ts';
import { until } from '../../../support/wait.ts';

const url = process.env.CO_TEST_MONGODB_URL;

type Row = { _id: string; position: number } & Record<string, unknown>;

/** A view that folds a history as it is written, as a projector does. */
function follow(history: History): Followed {
  const view = emptyClusterView();
  const listeners = new Set<FoldListener>();
  const feed = (commit: { first: number; count: number; at: string }, events: readonly LogEvent[]) => {
    const touched = evolveCommit(view, commit, events);
    for (const listener of listeners) listener(events, commit as Commit, touched);
  };
  return {
    view,
    onFolded(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    catchUp() {
      for (const event of history.events.slice(view.position)) {
        feed({ first: event.position, count: 1, at: event.at }, [event]);
      }
    },
    prunedUntil(seconds) {
      history.wait(seconds).add('ApiReadsRecorded', { calls: [] });
      const event = history.events.at(-1)!;
      feed({ first: event.position, count: 1, at: event.at }, []);
    },
  };
}

type Followed = {
  view: ClusterView;
  onFolded(listener: FoldListener): () => void;
  catchUp(): void;
  prunedUntil(seconds: number): void;
};

function rowsOf(view: ClusterView): Row[][] {
  return [
    Array.from(view.services.values(), (service) => ({ _id: service.name, ...serviceRow(view, service) })),
    Array.from(view.containers.values(), (container) => ({ _id: container.id, ...containerRow(container) })),
    Array.from(view.nodes.values(), (node) => ({ _id: node.id, ...nodeRow(node) })),
  ].map((rows) => (rows as Row[]).sort((a, b) => (a._id < b._id ? -1 : 1)));
}

async function storedRows(db: Db): Promise<Row[][]> {
  const names = ['service_config', 'container_config', 'node_config'];
  return Promise.all(names.map((name) => db.collection<Row>(name).find().sort({ _id: 1 }).toArray()));
}

/** The database goes away when `isAway` says so; asked once for each operation. */
function failing(db: Db, isAway: () => boolean): Db {
  const gone = () => Promise.reject(new Error('the connection is gone'));
  return throughCalls(db, (property, call) => {
    if (!isAway()) return call();
    return property === 'find' ? { toArray: gone } : gone();
  });
}

/** Rows take `tookMs` to be written, and it is noted when that began and ended. */
function slow(db: Db, tookMs: number): { db: Db; writes: { beganMs: number; endedMs: number }[] } {
  const writes: { beganMs: number; endedMs: number }[] = [];
  const writeSlowly = async (call: () => unknown) => {
    const beganMs = performance.now();
    await pause(tookMs);
    const answer = await call();
    writes.push({ beganMs, endedMs: performance.now() });
    return answer;
  };
  const around = (property: string | symbol, call: () => unknown) =>
    property === 'bulkWrite' ? writeSlowly(call) : call();
  return { db: throughCalls(db, around), writes };
}

/** Every call of a collection's methods goes through `around`. */
function throughCalls(db: Db, around: (property: string | symbol, call: () => unknown) => unknown): Db {
  const wrap = (collection: Collection) =>
    new Proxy(collection, {
      get(target, property) {
        const member = Reflect.get(target, property);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => around(property, () => member.apply(target, args));
      },
    });
  return new Proxy(db, {
    get(target, property) {
      if (property === 'collection') return (name: string) => wrap(target.collection(name));
      const member = Reflect.get(target, property);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
}

const test = suite<{ client: MongoClient; db: Db; writers: ReadModelWriter[] }>('read models');

function beginning(): History {
  const history = createHistory();
  for (const node of ['worker-1', 'worker-2']) history.node(node);
  history.serviceRequested('web', 2);
  history.running(history.queued('web', 1, 'worker-1'));
  history.queued('web', 2, 'worker-2');
  return history;
}

let databases = 0;

test.before.each(async (context) => {
  context.client = await new MongoClient(url!, { serverSelectionTimeoutMS: 5_000 }).connect();
  databases += 1;
  context.db = context.client.db(`co_test_read_models_${process.pid}_${databases}`);
  context.writers = [];
});

test.after.each(async ({ client, db, writers }) => {
  for (const writer of writers) await writer.close();
  await db.dropDatabase();
  await client.close();
});

type Lead = { isLeader?: () => boolean; db?: Db };

function write(context: { db: Db; writers: ReadModelWriter[] }, followed: Followed, lead: Lead = {}): ReadModelWriter {
  const writer = createReadModelWriter(
    {
      db: lead.db ?? context.db,
      projector: followed,
      logger: silentLogger,
      isLeader: lead.isLeader ?? (() => true),
    },
    { flushDelayMs: 5 },
  );
  context.writers.push(writer);
  return writer;
}

const upTo = (writer: ReadModelWriter, view: ClusterView) =>
  until(`rows written up to ${view.factPosition}`, () => (writer.writtenPosition() ?? -1) >= view.factPosition);

test('rows are written as people see them, with the position of the fact that last changed them', async (context) => {
  const history = beginning();
  const followed = follow(history);
  followed.catchUp();
  await upTo(write(context, followed), followed.view);
  const [services, containers, nodes] = await storedRows(context.db);
  assert.equal([services, containers, nodes], rowsOf(followed.view));
  assert.is(services![0]!._id, 'web');
  assert.is(services![0]!.reason, '1 of 2 running, 1 in queue on worker-2');
  assert.is(containers!.length, 2);
  assert.is(nodes![0]!.position, 4, 'a container was placed on it');
});

test('a change writes the rows it touches, and no other', async (context) => {
  const history = beginning();
  history.serviceRequested('api', 1);
  const followed = follow(history);
  followed.catchUp();
  const writer = write(context, followed);
  await upTo(writer, followed.view);
  const api = context.db.collection<Row>('service_config');
  await api.updateOne({ _id: 'api' }, { $set: { untouched: true } });
  history.failed(history.queued('web', 1, 'worker-2'));
  followed.catchUp();
  await upTo(writer, followed.view);
  assert.is((await api.findOne({ _id: 'api' }))?.untouched, true);
  await api.updateOne({ _id: 'api' }, { $unset: { untouched: '' } });
  assert.equal(await storedRows(context.db), rowsOf(followed.view));
});

test('a node that joins or is lost changes the row of a global service', async (context) => {
  const history = beginning();
  const container = spec();
  const requested = { generation: 1, changed: true, replicas: 0, container, specHash: specHashOf(container) };
  history.add('ServiceRequested', { service: 'proxy', ...requested, mode: 'global' });
  const followed = follow(history);
  followed.catchUp();
  const writer = write(context, followed);
  const replicas = async () => (await context.db.collection<Row>('service_config').findOne({ _id: 'proxy' }))?.replicas;
  for (const [change, wanted] of [
    [() => {}, 2],
    [() => history.node('worker-3'), 3],
    [() => history.add('NodeCordoned', { node: 'worker-3' }), 2],
    [() => history.add('NodeActivated', { node: 'worker-3' }), 3],
    [() => history.add('NodeLost', { node: 'worker-1', session: 1, lastHeardAt: null, silentMs: 6_000 }), 2],
  ] as const) {
    change();
    followed.catchUp();
    await upTo(writer, followed.view);
    assert.is(await replicas(), wanted);
    assert.equal(await storedRows(context.db), rowsOf(followed.view));
  }
});

test('what leaves the view leaves the collections: a removed service, and containers an hour after their end', async (context) => {
  const history = createHistory();
  history.node('worker-1');
  history.serviceRequested('web', 1);
  const id = history.queued('web', 1, 'worker-1');
  history.add('ServiceRemovalRequested', { service: 'web', generation: 2 });
  history.stopRequested(id, 'service removed');
  history.stopped(id);
  history.add('ServiceRemoved', { service: 'web' });
  const followed = follow(history);
  const writer = write(context, followed);
  followed.catchUp();
  await upTo(writer, followed.view);
  assert.is((await storedRows(context.db))[0]!.length, 0);
  assert.is((await storedRows(context.db))[1]!.length, 1, 'the ended container is still there');
  followed.prunedUntil(3600);
  await until('the row is deleted', async () => (await storedRows(context.db))[1]!.length === 0);
});

test('a row is never written over one of a higher position', async (context) => {
  const history = beginning();
  const followed = follow(history);
  followed.catchUp();
  const newer: Row = { _id: 'web', position: 99, reason: 'a leader that knows more wrote this' };
  await context.db.collection<Row>('service_config').insertOne(newer);
  await upTo(write(context, followed), followed.view);
  assert.equal(await context.db.collection<Row>('service_config').findOne({ _id: 'web' }), newer);
});

test('who does not lead writes nothing; who begins to lead catches up', async (context) => {
  const history = beginning();
  const followed = follow(history);
  followed.catchUp();
  let isLeader = false;
  let asked = 0;
  const writer = write(context, followed, {
    isLeader() {
      asked += 1;
      return isLeader;
    },
  });
  history.serviceRequested('api', 1);
  followed.catchUp();
  await until('it looked', () => asked > 0);
  assert.is(writer.writtenPosition(), null);
  assert.equal(await storedRows(context.db), [[], [], []]);
  isLeader = true;
  history.add('ControllerElected', { term: 1, controllerId: 'manager-1' });
  followed.catchUp();
  await upTo(writer, followed.view);
  assert.equal(await storedRows(context.db), rowsOf(followed.view));
});

test('a crash between any two writes heals at the next start', async (context) => {
  for (let survived = 0; ; survived += 1) {
    await context.db.dropDatabase();
    const history = beginning();
    const followed = follow(history);
    followed.catchUp();
    let operations = 0;
    let isCrashed = false;
    const db = failing(context.db, () => {
      operations += 1;
      isCrashed ||= operations > survived;
      return isCrashed;
    });
    const first = write(context, followed, { db });
    await until('caught up or crashed', () => isCrashed || first.writtenPosition() === followed.view.position);
    history.failed(history.queued('web', 1, 'worker-1'));
    history.serviceRequested('api', 1);
    history.add('NodeRemoved', { node: 'worker-2' });
    followed.catchUp();
    await until('written or crashed', () => isCrashed || first.writtenPosition() === followed.view.position);
    await first.close();
    history.serviceRequested('api', 2, spec({ image: 'api:2' }));
    followed.catchUp();
    const second = write(context, followed);
    await upTo(second, followed.view);
    await second.close();
    assert.equal(await storedRows(context.db), rowsOf(followed.view), `crashed after ${survived} operations`);
    if (!isCrashed) {
      assert.ok(survived > 8, 'the crash was tried at every operation');
      return;
    }
  }
});

test('while the database is away it says so, and goes on by itself when it is back', async (context) => {
  const history = beginning();
  const followed = follow(history);
  followed.catchUp();
  let isAway = false;
  const writer = write(context, followed, { db: failing(context.db, () => isAway) });
  await upTo(writer, followed.view);
  isAway = true;
  history.serviceRequested('api', 1);
  followed.catchUp();
  await until('trouble is told', () => writer.problem() !== null);
  assert.is(followed.view.services.size, 2, 'the fold went on');
  isAway = false;
  await upTo(writer, followed.view);
  assert.is(writer.problem(), null);
  assert.equal(await storedRows(context.db), rowsOf(followed.view));
});

test('a slow database has four times as long a rest from rows as they took: the log comes first', async (context) => {
  const history = beginning();
  const followed = follow(history);
  followed.catchUp();
  const { db, writes } = slow(context.db, 100);
  const writer = write(context, followed, { db });
  await upTo(writer, followed.view);
  for (const service of ['api', 'shop']) {
    const last = writes.at(-1)!;
    const count = writes.length;
    history.serviceRequested(service, 1);
    followed.catchUp();
    await upTo(writer, followed.view);
    const restMs = writes[count]!.beganMs - last.endedMs;
    assert.ok(restMs >= 4 * (last.endedMs - last.beganMs) - 20, `${service}: it rested for ${restMs} ms`);
  }
  assert.equal(await storedRows(context.db), rowsOf(followed.view));
});

test('two that think they lead leave the rows of the one that knows more', async (context) => {
  const history = beginning();
  const behind = follow(history);
  behind.catchUp();
  history.serviceRequested('web', 2, spec({ image: 'nginx:2' }));
  history.serviceRequested('api', 1);
  const ahead = follow(history);
  ahead.catchUp();
  await upTo(write(context, ahead), ahead.view);
  let operations = 0;
  const count = () => {
    operations += 1;
    return false;
  };
  const late = write(context, behind, { db: failing(context.db, count) });
  await until('the late one tried several times', () => operations > 20);
  assert.is(late.writtenPosition(), null, 'its checkpoint is refused');
  assert.equal(await storedRows(context.db), rowsOf(ahead.view));
});

const rebuilds = async (context: { db: Db; writers: ReadModelWriter[] }) => {
  const history = beginning();
  const followed = follow(history);
  followed.catchUp();
  const writer = write(context, followed);
  await upTo(writer, followed.view);
  await context.db.collection<Row>('service_config').updateOne({ _id: 'web' }, { $set: { reason: 'damaged' } });
  await context.db.collection<Row>('node_config').insertOne({ _id: 'ghost', position: 1 });
  await rebuildReadModels(context.db, followed.view);
  assert.equal(await storedRows(context.db), rowsOf(followed.view));
  history.serviceRequested('api', 1);
  followed.catchUp();
  await upTo(writer, followed.view);
  assert.equal(await storedRows(context.db), rowsOf(followed.view));
};

test('a rebuild writes beside and renames over, and a leader that writes meanwhile goes on from it', rebuilds);

test('rows of another version of the projection are built anew', async (context) => {
  const history = beginning();
  const followed = follow(history);
  followed.catchUp();
  const first = write(context, followed);
  await upTo(first, followed.view);
  await first.close();
  await context.db.collection('checkpoints').updateOne({}, { $set: { projectionVersion: 0 } });
  await context.db.collection<Row>('service_config').updateOne({ _id: 'web' }, { $set: { fieldOfOld: 1 } });
  await upTo(write(context, followed), followed.view);
  assert.equal(await storedRows(context.db), rowsOf(followed.view));
});

test('an hour that passes before a new leader starts deletes the rows all the same', async (context) => {
  const history = createHistory();
  history.node('worker-1');
  history.serviceRequested('web', 1);
  history.failed(history.queued('web', 1, 'worker-1'));
  const followed = follow(history);
  followed.catchUp();
  const first = write(context, followed);
  await upTo(first, followed.view);
  await first.close();
  followed.prunedUntil(3600);
  assert.is(followed.view.at, timeOf(3600));
  await upTo(write(context, followed), followed.view);
  assert.is((await storedRows(context.db))[1]!.length, 0);
});

if (url) test.run();
else {
  const skipped = suite('read models');
  console.log('skipped: CO_TEST_MONGODB_URL is not set');
  skipped.skip('read models in MongoDB');
  skipped.run();
}
