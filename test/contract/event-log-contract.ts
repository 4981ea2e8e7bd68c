/** What every log promises, whichever store is beneath, as one suite that is run on each of them. */

import { createHash, randomUUID } from 'node:crypto';
import { v5 as uuidv5 } from 'uuid';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AppError, hasCode } from '../../src/errors.ts';
import type { CommitStore } from '../../src/events/log/commit-store.ts';
import { appendEventsMax, type EventLog, type EventQuery } from '../../src/events/log/event-log.ts';
import { canonicalJson } from '../../src/events/schema/canonical-json.ts';
import type { Commit, NewEvent } from '../../src/events/schema/event.ts';
import { streams } from '../../src/events/schema/event.ts';
import { verifyChain as checkChain } from '../../src/history/verify/chain-check.ts';
import { fact, largeFact, readAll, readAllCommits, telemetry, verifyChain } from '../support/log/log-events.ts';
import { type LogKind, openLogAt } from '../support/log/logs.ts';
import { until } from '../support/wait.ts';

type Open = (options?: Parameters<typeof openLogAt>[1]) => Promise<EventLog>;

export function testEventLogContract({ name, isShared, whyNot, createPlace }: LogKind): void {
  const test = suite(`event log contract: ${name}`);
  if (whyNot !== null) console.log(`skipped: ${whyNot}`);

  const promise = (sentence: string, body: (log: EventLog, open: Open) => Promise<void>) => {
    if (whyNot !== null) return test.skip(sentence);
    return test(sentence, async () => {
      const place = await createPlace();
      const logs: EventLog[] = [];
      const open: Open = async (options) => {
        const log = await openLogAt(place, options);
        logs.push(log);
        return log;
      };
      try {
        await body(await open(), open);
      } finally {
        await Promise.all(logs.map((log) => log.close()));
        await place.remove();
      }
    });
  };
  /** Of several processes at one log. */
  const promiseShared: typeof promise = (sentence, body) => (isShared ? promise(sentence, body) : undefined);

  promise('an empty log has no head, no events, no commits', async (log) => {
    assert.is((await log.head()).position, 0);
    assert.equal(await log.read({}), { events: [], next: null, head: 0, pruned: [] });
    assert.equal(await log.readCommits({ afterSlot: 0 }), []);
    assert.is(await log.readCommitAt(1), null);
    assert.is(await log.readCommitBefore('2030-01-01T00:00:00.000Z'), null);
  });

  promise('positions count without a gap, versions within their stream', async (log) => {
    const first = await log.append([fact('a'), fact('b')]);
    const second = await log.append([fact('a')]);
    assert.equal([first.first, first.last, second.first, second.last], [1, 2, 3, 3]);
    const events = await readAll(log);
    assert.equal(
      events.map(({ position, stream, version }) => [position, stream, version]),
      [
        [1, 'service/a', 1],
        [2, 'service/b', 1],
        [3, 'service/a', 2],
      ],
    );
    assert.is((await log.head()).position, 3);
  });

  promise('an event comes back as it was given, with its times and ids', async (log) => {
    const given = fact('a', { text: 'grün, "quoted", \u2028 and 𝄞' });
    const { at } = await log.append([given], { term: 3 });
    const [event] = await readAll(log);
    assert.equal(event?.data, given.data);
    assert.is(event?.at, at);
    assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.is(event?.meta.actor, 'person:test');
    assert.is(event?.meta.causationId, null);
    assert.is(event?.meta.term, 3);
    assert.is(event?.meta.correlationId, event?.meta.eventId);
  });

  promise('an event may name an earlier one of its append as its cause', async (log) => {
    const { causationId: _, ...meta } = fact('a').meta;
    const caused = { ...fact('b'), meta: { ...meta, causationId: null, causationIndex: 0 } } as NewEvent;
    await log.append([fact('a'), caused]);
    const [cause, effect] = await readAll(log);
    assert.is(effect?.meta.causationId, cause?.meta.eventId);
  });

  promise('an append is one atomic unit over several streams', async (log) => {
    await log.append([fact('a')]);
    await refused('expectation_failed', () =>
      log.append([fact('b'), fact('a')], { expect: [{ stream: 'service/a', version: 0 }] }),
    );
    assert.is((await readAll(log)).length, 1);
    await log.append([fact('b'), fact('a')], { expect: [{ stream: 'service/a', version: 1 }] });
    const [, commit] = await log.readCommits({ afterSlot: 0 });
    assert.is(commit?.events?.length, 2);
  });

  promise('an expectation may name a stream that is not written', async (log) => {
    await log.append([fact('a')]);
    const expectA = (version: number) => ({ expect: [{ stream: 'service/a', version }] });
    await log.append([fact('b')], expectA(1));
    await log.append([fact('a')]);
    const error = await refused('expectation_failed', () => log.append([fact('b')], expectA(1)));
    assert.equal(error.details, { stream: 'service/a', expected: 1, actual: 2 });
  });

  promise('what is asked for at the same time shares a commit, each append judged by itself', async (log) => {
    await log.append([fact('seed')]);
    const mine = { expect: [{ stream: 'service/a', version: 0 }] };
    const results = await Promise.allSettled([
      log.append([fact('a')], mine),
      log.append([fact('a')], mine),
      log.append([fact('b')]),
      log.append([fact('c')], { expect: [{ stream: 'service/a', version: 1 }] }),
    ]);
    assert.equal(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
    );
    const commits = await log.readCommits({ afterSlot: 1 });
    assert.is(commits.length, 1);
    assert.equal(
      commits[0]?.appends.map(({ count }) => count),
      [1, 1, 1],
    );
  });

  promise('many at once: every acknowledged event is there once, in far fewer commits', async (log) => {
    const many = 600;
    const results = await Promise.all(Array.from({ length: many }, (_, n) => log.append([fact(`s${n % 50}`)])));
    assert.equal(
      results.map(({ first }) => first).toSorted((a, b) => a - b),
      Array.from({ length: many }, (_, n) => n + 1),
    );
    const commits = await log.readCommits({ afterSlot: 0 });
    assert.ok(commits.length < many / 10, `${commits.length} commits`);
    assert.ok(commits.every(({ count }) => count <= appendEventsMax));
    verifyChain(commits);
  });

  promise('the same appendId answers with its first result', async (log, open) => {
    const options = { appendId: uuidv5('key', randomUUID()), requestHash: 'h1' };
    const first = await log.append([fact('a'), fact('b')], options);
    await log.append([fact('c')]);
    const repeat = await log.append([fact('z')], options);
    assert.equal([repeat.first, repeat.last, repeat.repeated], [first.first, first.last, true]);
    assert.equal(await log.findAppend(options.appendId), { first: 1, count: 2, requestHash: 'h1' });
    assert.is(await log.findAppend(uuidv5('other', randomUUID())), null);
    await refused('idempotency_key_reused', () => log.append([fact('z')], { ...options, requestHash: 'h2' }));
    await log.close();
    const reopened = await open();
    assert.ok((await reopened.append([fact('z')], options)).repeated);
    assert.is((await readAll(reopened)).length, 3);
  });

  promise('the same appendId twice at once is written once', async (log) => {
    const options = { appendId: uuidv5('key', randomUUID()), requestHash: 'h1' };
    const results = await Promise.all(Array.from({ length: 5 }, () => log.append([fact('a')], options)));
    assert.equal(new Set(results.map(({ first }) => first)).size, 1);
    assert.equal(
      results.map(({ repeated }) => repeated),
      [false, true, true, true, true],
    );
    assert.is((await readAll(log)).length, 1);
  });

  promise('an appendId is forgotten after 24 h of log time', async (unused, open) => {
    await unused.close();
    let nowMs = Date.now();
    const log = await open({ clock: { nowMs: () => nowMs } });
    const options = { appendId: uuidv5('key', randomUUID()), requestHash: 'h1' };
    await log.append([fact('a')], options);
    nowMs += 25 * 3_600_000;
    await log.append([fact('b')]);
    assert.is((await log.append([fact('c')], options)).repeated, false);
  });

  promise('a term is over once a higher one is in the log', async (log, open) => {
    await log.append([fact('a')], { term: 2 });
    await refused('term_superseded', () => log.append([fact('b')], { term: 1 }));
    await log.append([fact('b')], { term: 2 });
    const together = await Promise.allSettled([
      log.append([fact('c')], { term: 3 }),
      log.append([fact('c')], { term: 2 }),
    ]);
    assert.equal(
      together.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    );
    await log.close();
    await refused('term_superseded', async () => (await open()).append([fact('b')], { term: 2 }));
  });

  promise('a corrected clock sets times back once, and every time finds its last commit', async (first, open) => {
    await first.close();
    const day = 86_400_000;
    const start = Date.UTC(2026, 0, 1);
    const iso = (ms: number) => new Date(ms).toISOString();
    let nowMs = start;
    const log = await open({ clock: { nowMs: () => nowMs } });
    await log.append([fact('a')]);
    nowMs = start + 365 * day;
    await log.append([fact('b')]);
    nowMs = start + day;
    await log.append([fact('c')]);
    const data = { from: (await log.head()).at, to: iso(nowMs) };
    const meta = { actor: 'manager:m', causationId: null };
    await log.append([{ stream: streams.cluster, type: 'ClockCorrected', data, meta }]);
    nowMs = start + 2 * day;
    await log.append([fact('d')]);
    const commits = await log.readCommits({ afterSlot: 0 });
    const days = commits.map(({ at }) => (Date.parse(at) - start) / day);
    assert.equal(days, [0, 365, 365, 1, 2]);
    assert.is((await checkChain(log)).broken, null);
    const lastAt = async (wanted: number) => (await log.readCommitBefore(iso(start + wanted * day)))?.slot ?? null;
    assert.equal(
      [
        await lastAt(-1),
        await lastAt(0),
        await lastAt(0.5),
        await lastAt(1),
        await lastAt(1.5),
        await lastAt(2),
        await lastAt(400),
      ],
      [null, 1, 1, 4, 4, 5, 5],
    );
    const { events } = await log.read({ since: iso(start + day), until: iso(start + 2 * day) });
    assert.equal(
      events.map(({ position }) => position),
      [2, 3, 4, 5],
      'positions from the first time to the last',
    );
    await log.close();
    const again = await open({ clock: { nowMs: () => nowMs } });
    assert.is((await again.readCommitBefore(iso(start + 1.5 * day)))?.slot, 4);
  });

  promise('times never go back, whatever the clock does', async (log, open) => {
    await log.close();
    let nowMs = Date.UTC(2026, 0, 2);
    const second = await open({ clock: { nowMs: () => nowMs } });
    const before = await second.append([fact('a')]);
    nowMs -= 3_600_000;
    const after = await second.append([fact('a')]);
    assert.is(after.at, before.at);
  });

  promise('facts and telemetry go in commits of their own; telemetry has no versions', async (log) => {
    await Promise.all([log.append([fact('a')]), log.append([telemetry()]), log.append([fact('b')])]);
    const commits = await log.readCommits({ afterSlot: 0 });
    assert.equal(
      commits.map((commit) => [commit.class, commit.count]),
      [
        ['fact', 2],
        ['telemetry', 1],
      ],
    );
    assert.is(commits[1]?.events?.[0]?.version, 0);
    await refused('event_invalid', () => log.append([fact('a'), telemetry()]));
  });

  promise('what is too large, empty or not in the catalogue is refused whole', async (log) => {
    await refused('append_empty', () => log.append([]));
    await refused('append_too_large', () => log.append(Array.from({ length: appendEventsMax + 1 }, () => fact('a'))));
    const large = Array.from({ length: 20 }, () => largeFact(60_000));
    await refused('append_too_large', () => log.append(large));
    const unknown = { ...fact('a'), type: 'ServiceImagined' } as unknown as NewEvent;
    await refused('event_invalid', () => log.append([unknown]));
    const surplus = fact('a') as { data: Record<string, unknown> };
    surplus.data.more = 1;
    const error = await refused('event_invalid', () => log.append([fact('b'), surplus as unknown as NewEvent]));
    assert.match(String(error.details.field), /AlarmRaised\.data/);
    await refused('event_invalid', () => log.append([fact('a', { text: 'a\0b' })]));
    await refused('event_invalid', () => log.append([fact('a', { text: '\ud800' })]));
    assert.is((await log.head()).position, 0);
  });

  promise('large appends waiting together are never merged over the bound', async (log) => {
    const wide = () => Array.from({ length: 200 }, () => largeFact(2_000));
    await Promise.all([log.append(wide()), log.append(wide()), log.append(wide()), log.append(wide())]);
    const [first, second, ...more] = await readAllCommits(log);
    assert.equal([first?.count, second?.count, more], [400, 400, []]);
  });

  promise('the hash chain is whole, and a changed event breaks it', async (log) => {
    for (let n = 0; n < 5; n += 1) await log.append([fact(`s${n}`), fact('t')]);
    const commits = await log.readCommits({ afterSlot: 0 });
    verifyChain(commits);
    const stored = commits[2]?.events ?? [];
    assert.is(commits[2]?.bodyHash, createHash('sha256').update(canonicalJson(stored)).digest('hex'));
    const changed = structuredClone(commits);
    (changed[2]?.events?.[0]?.data as { message: string }).message = 'never said';
    assert.throws(() => verifyChain(changed), /slot 3/);
    const dropped = commits.toSpliced(1, 1);
    assert.throws(() => verifyChain(dropped), /slot 3/);
  });

  promise('pages of a query walk what matches, forward and backward', async (log) => {
    for (let n = 0; n < 25; n += 1) await log.append([fact(n % 3 === 0 ? 'a' : 'b'), fact('c')]);
    const all = (await readAll(log)).map(({ position }) => position);
    for (const direction of ['forward', 'backward'] as const) {
      const walked = await walk(log, { streams: ['service/a', 'service/c'], direction, limit: 7 });
      const expected = all.filter((position) => position % 2 === 0 || ((position - 1) / 2) % 3 === 0);
      assert.equal(walked, direction === 'forward' ? expected : expected.toReversed());
    }
    assert.equal(await walk(log, { after: 10, before: 14 }), [11, 12, 13]);
    assert.equal(await walk(log, { after: 10, to: 13 }), [11, 12, 13]);
    assert.equal(await walk(log, { before: 4, direction: 'backward', limit: 2 }), [3, 2, 1]);
    assert.equal(await walk(log, { after: 1_000 }), []);
  });

  promise('a query finds events by type, class, and what they are about', async (log) => {
    await log.append([fact('web'), node('worker-1')]);
    await log.append([telemetry()]);
    await log.append([stale('worker-1', 'web.1-a'), delayed('web', 'web.1-a'), fact('other')]);
    const find = async (query: EventQuery) => (await log.read(query)).events.map(({ position }) => position);
    assert.equal(await find({ types: ['StaleContainerRemoved', 'NodeCordoned'] }), [2, 4]);
    assert.equal(await find({ types: ['HeartbeatsReceived'] }), [3]);
    assert.equal(await find({ class: 'telemetry' }), [3]);
    assert.equal(await find({ class: 'fact' }), [1, 2, 4, 5, 6]);
    assert.equal(await find({ node: 'worker-1' }), [2, 4]);
    assert.equal(await find({ container: 'web.1-a' }), [4, 5]);
    assert.equal(await find({ service: 'web' }), [5]);
    assert.equal(await find({ service: 'web', container: 'web.1-a', class: 'fact' }), [5]);
    assert.equal(await find({ node: 'worker-1', types: ['NodeCordoned'] }), [2]);
    assert.equal(await find({ streams: ['heartbeats', 'service/other'] }), [3, 6]);
  });

  promise('a query by time is inclusive on both sides', async (log, open) => {
    await log.close();
    let nowMs = Date.UTC(2026, 0, 1);
    const timed = await open({ clock: { nowMs: () => nowMs } });
    for (let n = 0; n < 5; n += 1) {
      await timed.append([fact('a')]);
      nowMs += 1_000;
    }
    const at = (second: number) => `2026-01-01T00:00:0${second}.000Z`;
    assert.equal(await walk(timed, { since: at(1), until: at(3) }), [2, 3, 4]);
    assert.equal(await walk(timed, { since: at(1), until: at(3), direction: 'backward' }), [4, 3, 2]);
    assert.equal(await walk(timed, { since: '2026-01-01T00:00:01.001Z', until: at(2) }), [3]);
    assert.equal(await walk(timed, { until: '2025-01-01T00:00:00.000Z' }), []);
    assert.is((await timed.readCommitBefore('2026-01-01T00:00:02.999Z'))?.slot, 3);
    assert.is((await timed.readCommitAt(4))?.slot, 4);
  });

  promise('a follower gets what is there, then what comes, once each and in order', async (log) => {
    for (let n = 0; n < 40; n += 1) await log.append([fact('a')]);
    const stop = new AbortController();
    const slots: number[] = [];
    const following = (async () => {
      for await (const commits of log.follow({ afterSlot: 10, signal: stop.signal })) {
        slots.push(...commits.map(({ slot }) => slot));
      }
    })();
    await until('the replay', () => slots.length >= 30);
    const appended = log.append([fact('b')]);
    await appended;
    await until('the new one, at once', () => slots.length === 31, 500);
    await Promise.all(Array.from({ length: 100 }, () => log.append([fact('c')])));
    const { slot: head } = await log.head();
    await until('all', () => slots.at(-1) === head);
    assert.equal(
      slots,
      Array.from({ length: head - 10 }, (_, n) => n + 11),
    );
    stop.abort();
    await following;
  });

  promise('a follower stops at a hole, says so, and never skips it', async (log, open) => {
    for (let n = 0; n < 3; n += 1) await log.append([fact('a')]);
    await log.close();
    let isHidden = false;
    const hide = (store: CommitStore): CommitStore => ({
      ...store,
      readRange: async (range) => (await store.readRange(range)).filter(({ slot }) => !isHidden || slot !== 2),
    });
    const holed = await open({ wrap: hide });
    isHidden = true;
    const stop = new AbortController();
    const slots: number[] = [];
    const troubles: (string | undefined)[] = [];
    const onProblem = (trouble: { message: string } | null) => troubles.push(trouble?.message);
    const following = (async () => {
      for await (const commits of holed.follow({ afterSlot: 0, signal: stop.signal, onProblem })) {
        slots.push(...commits.map(({ slot }) => slot));
      }
    })();
    await until('the trouble is said', () => troubles.length > 0);
    assert.equal([slots, troubles], [[1], ['slot 2 is missing before slot 3']]);
    isHidden = false;
    await until('it goes on', () => slots.length === 3);
    assert.equal([slots, troubles.at(-1)], [[1, 2, 3], undefined]);
    stop.abort();
    await following;
  });

  promise('pruning empties telemetry and nothing else; positions and hashes stay', async (log) => {
    await log.append([fact('a')]);
    await log.append([telemetry()]);
    await log.append([fact('b')]);
    await log.append([telemetry()]);
    const before = await log.readCommits({ afterSlot: 0 });
    assert.equal(await log.prune({ throughSlot: 3 }), { commits: 1, events: 1 });
    assert.equal(await log.prune({ throughSlot: 3 }), { commits: 0, events: 0 });
    const after = await log.readCommits({ afterSlot: 0 });
    assert.equal(after[1], { ...before[1], events: null });
    assert.equal([after[0], after[2], after[3]], [before[0], before[2], before[3]]);
    verifyChain(after);
    assert.equal(await walk(log, {}), [1, 3, 4]);
    assert.is((await log.append([fact('c')])).first, 5);
    assert.equal(await log.prune({ afterSlot: 4, throughSlot: 9 }), { commits: 0, events: 0 });
  });

  promise('a page says where something was emptied, once, and only to who may have been meant', async (log) => {
    for (const event of [telemetry(), fact('a'), telemetry(), telemetry(), fact('b'), telemetry()]) {
      await log.append([event]);
    }
    await log.prune({ throughSlot: 5 });
    const prunedIn = async (query: EventQuery) => (await log.read(query)).pruned;
    const [before, between] = [
      { from: 1, to: 1 },
      { from: 3, to: 4 },
    ];
    assert.equal(await prunedIn({}), [before, between]);
    assert.equal(await prunedIn({ direction: 'backward' }), [between, before]);
    assert.equal(await prunedIn({ limit: 1 }), [before]);
    assert.equal(await prunedIn({ after: 2, limit: 1 }), [between]);
    assert.equal(await prunedIn({ after: 3 }), [{ from: 4, to: 4 }]);
    assert.equal(await prunedIn({ class: 'telemetry' }), [{ from: 1, to: 4 }]);
    for (const query of [{ class: 'fact' }, { service: 'a' }, { types: ['HeartbeatsReceived'] }] as EventQuery[]) {
      assert.equal(await prunedIn(query), []);
    }
  });

  promise('a log opened again goes on where it stopped', async (log, open) => {
    await log.append([fact('a'), fact('b')]);
    await log.append([telemetry()]);
    await log.close();
    await refused('log_closed', () => log.append([fact('a')]));
    const again = await open();
    await refused('expectation_failed', () =>
      again.append([fact('a')], { expect: [{ stream: 'service/a', version: 0 }] }),
    );
    assert.is((await again.append([fact('a')])).first, 4);
    verifyChain(await again.readCommits({ afterSlot: 0 }));
  });

  promise('what a writer does not know by heart it looks up', async (log, open) => {
    const options = { appendId: uuidv5('key', randomUUID()), requestHash: 'h1' };
    await log.append([fact('a'), fact('b'), fact('a')], options);
    await log.close();
    const forget = (store: CommitStore): CommitStore => ({
      ...store,
      readIndex: async (max) => ({ ...(await store.readIndex(max)), known: null }),
    });
    const asking = await open({ wrap: forget });
    assert.equal(await asking.findAppend(options.appendId), { first: 1, count: 3, requestHash: 'h1' });
    assert.ok((await asking.append([fact('a')], options)).repeated);
    const expectA = (version: number) => ({ expect: [{ stream: 'service/a', version }] });
    const error = await refused('expectation_failed', () => asking.append([fact('c')], expectA(0)));
    assert.is(error.details.actual, 2);
    await asking.append([fact('a'), fact('new')], expectA(2));
    assert.equal(
      (await readAll(asking)).slice(3).map(({ stream, version }) => [stream, version]),
      [
        ['service/a', 3],
        ['service/new', 1],
      ],
    );
  });

  promise('a damaged end is refused at the opening, and said where', async (log, open) => {
    await log.append([fact('a')]);
    await log.append([fact('b')]);
    await log.close();
    const tamper = (store: CommitStore): CommitStore => ({
      ...store,
      readRange: async (range) => (await store.readRange(range)).map((commit) => withOtherEvent(commit)!),
    });
    const error = await refused('log_corrupt', () => open({ wrap: tamper }));
    assert.match(error.message, /slot 2/);
  });

  promise('an answer that is lost is asked for again: the append takes effect once', async (log, open) => {
    await log.close();
    let losses = 0;
    const lossy = (store: CommitStore): CommitStore => ({
      ...store,
      async insert(prepared) {
        const result = await store.insert(prepared);
        losses += 1;
        if (losses % 2 === 1) throw unavailable();
        return result;
      },
    });
    const unsure = await open({ wrap: lossy });
    for (let n = 0; n < 10; n += 1) await unsure.append([fact('a')], { expect: [{ stream: 'service/a', version: n }] });
    assert.is((await readAll(unsure)).length, 10);
    assert.is(losses, 20);
  });

  promise(
    'an append gives up at its deadline without a false answer, and its appendId stays good',
    async (log, open) => {
      await log.close();
      let isAway = true;
      const away = (store: CommitStore): CommitStore => ({
        ...store,
        insert: async (prepared) => (isAway ? Promise.reject(unavailable()) : store.insert(prepared)),
      });
      const slow = await open({ wrap: away });
      const options = { appendId: uuidv5('key', randomUUID()), deadlineMs: 50 };
      const error = await refused('log_unavailable', () => slow.append([fact('a')], options));
      assert.ok(error.retryable);
      isAway = false;
      const { first } = await slow.append([fact('a')], { appendId: options.appendId });
      assert.is(first, 1);
      assert.is((await readAll(slow)).length, 1);
    },
  );

  promiseShared('two writers share one log without a hole, each sees the other', async (one, open) => {
    const two = await open({ writer: 'two' });
    const results = await Promise.all(
      Array.from({ length: 60 }, (_, n) => (n % 2 ? one : two).append([fact(`s${n}`), fact('shared')])),
    );
    assert.equal(new Set(results.map(({ first }) => first)).size, 60);
    const commits = await one.readCommits({ afterSlot: 0 });
    verifyChain(commits);
    assert.equal([...new Set(commits.map(({ writer }) => writer))].toSorted(), ['test', 'two']);
    const last = (await readAll(two)).findLast(({ stream }) => stream === 'service/shared');
    assert.is(last?.version, 60);
  });

  promiseShared('of two that expect the same, one wins', async (one, open) => {
    const two = await open({ writer: 'two' });
    for (let round = 0; round < 10; round += 1) {
      const expect = [{ stream: 'service/a', version: round }];
      const results = await Promise.allSettled([
        one.append([fact('a')], { expect }),
        two.append([fact('a')], { expect }),
      ]);
      assert.equal(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
    }
    assert.is((await readAll(one)).length, 10);
  });

  promiseShared('a look for an append sees what others wrote, and disturbs no writer', async (one, open) => {
    const two = await open({ writer: 'two' });
    const appendId = uuidv5('key', randomUUID());
    await two.append([fact('a')], { appendId });
    assert.is((await one.findAppend(appendId))?.first, 1);
    const writes = Array.from({ length: 50 }, () => one.append([fact('b')]));
    const looks = Array.from({ length: 50 }, () => one.findAppend(appendId));
    await Promise.all([...writes, ...looks]);
    assert.is((await one.head()).position, 51);
  });

  promiseShared('a follower hears of what another process wrote within its poll', async (one, open) => {
    const two = await open({ writer: 'two' });
    const stop = new AbortController();
    const slots: number[] = [];
    const following = (async () => {
      for await (const commits of two.follow({ afterSlot: 0, signal: stop.signal })) slots.push(commits.length);
    })();
    await one.append([fact('a')]);
    await until('it is heard', () => slots.length === 1, 3_000);
    stop.abort();
    await following;
  });

  test.run();
}

async function refused(code: string, attempt: () => Promise<unknown>) {
  try {
    await attempt();
  } catch (error) {
    if (hasCode(error, code)) return error as Error & { details: Record<string, unknown>; retryable: boolean };
    throw error;
  }
  throw new Error(`nothing was refused, ${code} was expected`);
}

const unavailable = () => new AppError('log_unavailable', 'the answer was lost, says the test', { retryable: true });

async function walk(log: EventLog, query: EventQuery): Promise<number[]> {
  const found: number[] = [];
  let cursor: Pick<EventQuery, 'after' | 'before'> = {};
  for (;;) {
    const page = await log.read({ limit: 1000, ...query, ...cursor });
    found.push(...page.events.map(({ position }) => position));
    if (page.next === null) return found;
    cursor = query.direction === 'backward' ? { before: page.next } : { after: page.next };
  }
}

const meta = { actor: 'person:test', causationId: null };
const node = (id: string): NewEvent => ({ stream: `node/${id}`, type: 'NodeCordoned', data: { node: id }, meta });
const stale = (id: string, container: string): NewEvent => ({
  stream: `node/${id}`,
  type: 'StaleContainerRemoved',
  data: { node: id, container, reason: 'not wanted' },
  meta,
});
const delayed = (service: string, container: string): NewEvent => ({
  stream: `service/${service}`,
  type: 'RestartDelayed',
  data: { service, slot: 1, container, failures: 2, delayMs: 1_000, until: '2026-01-01T00:00:00.000Z' },
  meta,
});

function withOtherEvent(commit: Commit | null): Commit | null {
  const [event] = commit?.events ?? [];
  return commit && event ? { ...commit, events: [{ ...event, stream: 'service/forged' }] } : commit;
}
