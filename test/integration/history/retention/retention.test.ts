/** Retention: old telemetry goes, in the background or by hand, and what the facts say stays the same at every position. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventLog } from '../../../../src/events/log/event-log.ts';
import { replay } from '../../../../src/history/replay/replay.ts';
import { countPrunable, findPrunable, prune } from '../../../../src/history/retention/retention.ts';
import { createRetentionLoop } from '../../../../src/history/retention/retention-loop.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { stateBody } from '../../../../src/projections/rows/state-bodies.ts';
import type { ClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { fillLog } from '../../../support/log/full-log.ts';
import { epochMs } from '../../../support/log/history.ts';
import { readAllCommits, telemetry, verifyChain } from '../../../support/log/log-events.ts';
import { type LogPlace, logKinds, openLogAt } from '../../../support/log/logs.ts';
import { until } from '../../../support/wait.ts';

const hourMs = 3_600_000;
const rounds = 30;
const actor = 'person:test';

/** All there is to see, without what telemetry alone feeds. */
const told = (view: ClusterView) => {
  const body = stateBody(view, { log: '', bus: '' });
  const nodes = body.nodes.map((node) => ({ ...node, lastHeardAt: null }));
  const containers = body.containers.map((container) => ({ ...container, pull: null }));
  return { ...body, nodes, containers };
};

async function viewsOf(log: EventLog, head: number) {
  const views = [];
  for (let position = 1; position <= head; position += 1) {
    views.push(told(await replay({ log, logger: silentLogger }, { to: { position } })));
  }
  return views;
}

const recordsOf = async (log: EventLog) =>
  (await log.read({ types: ['HistoryPruned'], after: 37 })).events.map(({ data }) => data as { throughSlot: number });

for (const { name, whyNot, createPlace } of logKinds) {
  const test = suite(`retention: ${name}`);
  let place: LogPlace;
  let log: EventLog;

  if (whyNot !== null) console.log(`skipped: ${whyNot}`);
  const promise = whyNot === null ? test : test.skip;

  test.before.each(async () => {
    if (whyNot !== null) return;
    place = await createPlace();
    await fillLog(place, { rounds });
    log = await openLogAt(place, { clock: { nowMs: () => epochMs } });
  });
  test.after.each(async () => {
    if (whyNot !== null) return;
    await log.close();
    await place.remove();
  });

  promise(
    'what is older than the retention is emptied and recorded; the views are the same at every position',
    async () => {
      const { position: head } = await log.head();
      const before = await viewsOf(log, head);
      const commits = await readAllCommits(log);
      const prunable = (await findPrunable(log, { retentionMs: 10 * hourMs, isThorough: true }))!;
      const counted = await countPrunable(log, prunable);
      const pruned = await prune(log, prunable, { actor });
      assert.equal(pruned, counted);
      for (const [index, view] of (await viewsOf(log, head)).entries()) assert.equal(view, before[index]);

      const [record, ...others] = await recordsOf(log);
      const { throughSlot, throughPosition } = prunable;
      assert.equal(record, { throughSlot, throughPosition, ...pruned });
      assert.is(others.length, 0);
      const after = await readAllCommits(log);
      verifyChain(after);
      const cutoff = new Date(Date.parse(commits.at(-1)!.at) - 10 * hourMs).toISOString();
      const isOld = ({ at, class: eventClass }: (typeof after)[0]) => eventClass === 'telemetry' && at <= cutoff;
      assert.equal(
        after.slice(0, commits.length),
        commits.map((commit) => (isOld(commit) ? { ...commit, events: null } : commit)),
      );
      assert.ok(after.some((commit) => commit.class === 'telemetry' && commit.events !== null));
    },
  );

  promise(
    'the next time begins behind the last record, and what was emptied already is not recorded again',
    async () => {
      const settings = { retentionMs: 10 * hourMs };
      const whole = (await findPrunable(log, { ...settings, isThorough: true }))!;
      await prune(log, whole, { actor });
      assert.is(await findPrunable(log, settings), null);
      assert.equal(await prune(log, whole, { actor }), { commits: 0, events: 0 });
      assert.is((await recordsOf(log)).length, 1);
      const next = (await findPrunable(log, { retentionMs: 5 * hourMs }))!;
      assert.is(next.afterSlot, whole.throughSlot);
      await prune(log, next, { actor });
      assert.equal(
        (await recordsOf(log)).map(({ throughSlot }) => throughSlot),
        [whole.throughSlot, next.throughSlot],
      );
    },
  );

  promise('a crash between emptying and recording leaves the next record true', async () => {
    const whole = (await findPrunable(log, { retentionMs: 10 * hourMs, isThorough: true }))!;
    await log.prune({ throughSlot: whole.throughSlot - 5 });
    const { commits } = await prune(log, whole, { actor });
    assert.ok(commits >= 1 && commits <= 5);
    assert.equal(
      (await recordsOf(log)).map(({ throughSlot }) => throughSlot),
      [whole.throughSlot],
    );
  });

  promise('the leader does it by itself, under its term; who does not lead leaves it', async () => {
    let term: number | null = null;
    const deps = { log, logger: silentLogger, term: () => term };
    const loop = createRetentionLoop(deps, { retentionMs: hourMs, actor, everyMs: 5 });
    await log.append([telemetry()]);
    assert.is((await recordsOf(log)).length, 0);
    term = 4;
    await until('it is pruned', async () => (await recordsOf(log)).length > 0);
    await loop.close();
    const commits = await readAllCommits(log);
    assert.is(commits.at(-1)?.appends[0]?.term, 4);
    assert.ok(commits.some(({ events }) => events === null));
  });

  promise('a retention of 0 keeps everything', async () => {
    const deps = { log, logger: silentLogger, term: () => 1 };
    const [kept, pruning] = [
      createRetentionLoop(deps, { retentionMs: 0, actor, everyMs: 1 }),
      createRetentionLoop({ ...deps, log: await countReads(log) }, { retentionMs: 1e12, actor, everyMs: 1 }),
    ];
    await until('a loop beside it has looked some times', () => looks > 5);
    await Promise.all([kept.close(), pruning.close()]);
    assert.ok((await readAllCommits(log)).slice(38).every(({ events }) => events !== null));
  });

  test.run();
}

let looks = 0;

async function countReads(log: EventLog): Promise<EventLog> {
  looks = 0;
  const head = () => {
    looks += 1;
    return log.head();
  };
  return { ...log, head };
}
