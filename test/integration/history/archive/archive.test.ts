/** A log as a file and back: the same commits in every kind of log, and no line that is not what was written. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import { AppError } from '../../../../src/errors.ts';
import type { EventLog } from '../../../../src/events/log/event-log.ts';
import { canonicalJson } from '../../../../src/events/schema/canonical-json.ts';
import { hashBody, hashCommit } from '../../../../src/events/schema/hash.ts';
import { readBytes } from '../../../../src/history/archive/archive-file.ts';
import { openExportedLog } from '../../../../src/history/archive/archive-log.ts';
import { importLog } from '../../../../src/history/archive/import.ts';
import { exportToFile, partialOf } from '../../../../src/history/archive/partial-file.ts';
import { replay } from '../../../../src/history/replay/replay.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { stateBody } from '../../../../src/projections/rows/state-bodies.ts';
import { fillLog } from '../../../support/log/full-log.ts';
import { readAllCommits } from '../../../support/log/log-events.ts';
import { type LogKind, type LogPlace, logKinds, openLogAt } from '../../../support/log/logs.ts';
import { refusal } from '../../../support/refusal.ts';

const program = 'test 1';
const rounds = 40;

let folder: string;
const fileOf = (name: string) => join(folder, name);
const inFolder = (test: Test) => {
  test.before.each(async () => {
    folder = await mkdtemp(join(tmpdir(), 'co-transfer-'));
  });
  test.after.each(() => rm(folder, { recursive: true, force: true }));
  return test;
};

async function withLog<T>(place: LogPlace, run: (log: EventLog) => Promise<T>): Promise<T> {
  const log = await openLogAt(place);
  try {
    return await run(log);
  } finally {
    await log.close();
  }
}

async function importInto(place: LogPlace, path: string) {
  const store = await place.openStore();
  try {
    return await importLog({ store }, { bytes: readBytes(path) });
  } finally {
    await store.close();
  }
}

const exportFrom = (place: LogPlace, name: string, options: Partial<Parameters<typeof exportToFile>[2]> = {}) =>
  withLog(place, (log) => exportToFile({ log }, fileOf(name), { program, ...options }));

/** What a person sees of it, at some of its positions. */
async function viewsOf(log: Parameters<typeof replay>[0]['log']) {
  const { position: head } = await log.head();
  const views = [];
  for (let position = 1; position <= head; position += 9) {
    views.push(stateBody(await replay({ log, logger: silentLogger }, { to: { position } }), { log: '', bus: '' }));
  }
  return views;
}

for (const kind of logKinds) {
  for (const target of logKinds) testRoundTrip(kind, target);
}

function testRoundTrip(from: LogKind, to: LogKind): void {
  const test = inFolder(suite(`transfer: ${from.name} to ${to.name}`));
  const whyNot = from.whyNot ?? to.whyNot;
  if (whyNot !== null) console.log(`skipped: ${whyNot}`);
  const sentence = 'commits, hashes, times and views are the same, in the file and behind it';
  if (whyNot !== null) test.skip(sentence);
  else {
    test(sentence, async () => {
      const [source, target] = [await from.createPlace(), await to.createPlace()];
      try {
        await fillLog(source, { rounds: 6 });
        await withLog(source, (log) => log.prune({ throughSlot: 41 }));
        const written = await withLog(source, readAllCommits);
        await exportFrom(source, 'log.ndjson.gz');
        const { foundCommits, totals } = await importInto(target, fileOf('log.ndjson.gz'));
        assert.equal([foundCommits, totals.commits], [0, written.length]);
        assert.equal(await withLog(target, readAllCommits), written);
        const { log, close } = await openExportedLog(fileOf('log.ndjson.gz'));
        assert.equal(await readAllCommits(log), written);
        const views = await viewsOf(log);
        await close();
        assert.equal(await withLog(source, viewsOf), views);
        assert.equal(await withLog(target, viewsOf), views);
        await exportFrom(target, 'again.ndjson.gz');
        const [first, second] = [await readFile(fileOf('log.ndjson.gz')), await readFile(fileOf('again.ndjson.gz'))];
        assert.is(String(gunzipSync(second)), String(gunzipSync(first)));
        // What comes after is written by whoever opens it, as on any log.
        await withLog(target, async (after) => {
          const { first: position } = await after.append([
            { stream: 'alarms', type: 'AlarmCleared', data: { alarm: 'x', subject: '' }, meta },
          ]);
          assert.is(position, totals.events + 1);
        });
      } finally {
        await Promise.all([source.remove(), target.remove()]);
      }
    });
  }
  test.run();
}

const meta = { actor: 'person:test', causationId: null };

const file = inFolder(suite('transfer: files'));
const [memory] = logKinds;

async function source(): Promise<LogPlace> {
  const place = await memory!.createPlace();
  await fillLog(place, { rounds });
  return place;
}

file('a part goes behind what comes before it, and nowhere else', async () => {
  const place = await source();
  await exportFrom(place, 'first.ndjson', { to: { position: 50 } });
  const { head } = await exportFrom(place, 'rest.ndjson', { from: { position: 51 } });
  assert.is(head.slot, (await withLog(place, (log) => log.head())).slot);
  const target = await memory!.createPlace();
  assert.is((await refusal(() => importInto(target, fileOf('rest.ndjson')))).code, 'import_gap');
  await importInto(target, fileOf('first.ndjson'));
  await importInto(target, fileOf('rest.ndjson'));
  assert.equal(await withLog(target, readAllCommits), await withLog(place, readAllCommits));
  assert.is((await refusal(() => openExportedLog(fileOf('rest.ndjson')))).code, 'export_partial');
  assert.is((await refusal(() => importInto(target, fileOf('first.ndjson')))).code, 'import_diverges');
});

file('an import that is repeated finds everything there', async () => {
  const place = await source();
  await exportFrom(place, 'log.ndjson');
  const target = await memory!.createPlace();
  const { totals } = await importInto(target, fileOf('log.ndjson'));
  assert.is((await importInto(target, fileOf('log.ndjson'))).foundCommits, totals.commits);
});

file('another log is not mixed in', async () => {
  const [place, other] = [await source(), await source()];
  await exportFrom(place, 'log.ndjson');
  const before = await withLog(other, readAllCommits);
  const refused = await refusal(() => importInto(other, fileOf('log.ndjson')));
  assert.is(refused.code, 'import_diverges');
  assert.match(refused.message, /slot 1 /);
  assert.equal(await withLog(other, readAllCommits), before);
});

for (const name of ['log.ndjson', 'log.ndjson.gz']) {
  file(`an export cut off anywhere goes on to the same bytes: ${name}`, async () => {
    const place = await source();
    await exportFrom(place, name);
    const whole = await readFile(fileOf(name));
    const textOf = async () => {
      const bytes = await readFile(fileOf(name));
      return String(name.endsWith('.gz') ? gunzipSync(bytes) : bytes);
    };
    const text = await textOf();
    for (const share of [0, 0.001, 0.05, 0.31, 0.5, 0.77, 0.999, 1]) {
      await rm(fileOf(name));
      await writeFile(partialOf(fileOf(name)), whole.subarray(0, Math.floor(whole.length * share)));
      await exportFrom(place, name, { isResumed: true });
      assert.is(await textOf(), text, `cut at ${share}`);
    }
  });
}

file('what is there is never written over, and a file under its own name is whole', async () => {
  const place = await source();
  await exportFrom(place, 'log.ndjson');
  assert.is((await refusal(() => exportFrom(place, 'log.ndjson'))).code, 'file_exists');
  assert.is((await refusal(() => exportFrom(place, 'other.ndjson', { isResumed: true }))).code, 'nothing_to_resume');
  const stop = AbortSignal.abort(new AppError('stopping', 'stopped'));
  const stopped = await refusal(() => exportFrom(place, 'stopped.ndjson', { signal: stop }));
  assert.is(stopped.code, 'stopping');
  assert.is((await refusal(() => openExportedLog(fileOf('stopped.ndjson')))).code, 'file_missing');
});

file('an exported log answers questions as the log itself does', async () => {
  const place = await source();
  await withLog(place, (log) => log.prune({ throughSlot: 60 }));
  await exportFrom(place, 'log.ndjson');
  const { log: exported, close } = await openExportedLog(fileOf('log.ndjson'));
  await withLog(place, async (log) => {
    const { at, position: head } = await log.head();
    for (const query of [
      { limit: 7 },
      { after: 40, limit: 9 },
      { direction: 'backward', limit: 30 },
      { before: 60, direction: 'backward', limit: 5 },
      { types: ['AlarmRaised'], limit: 1000 },
      { service: 'web' },
      { node: 'worker-1', class: 'fact', direction: 'backward', limit: 2 },
      { container: 'web.1-4' },
      { streams: ['service/web', 'controller'], types: ['ServiceRequested', 'ControllerElected'] },
      { streams: ['service/nobody'], direction: 'backward' },
      { class: 'telemetry', direction: 'backward', limit: 3 },
      { since: '2026-01-01T05:00:00.000Z', until: '2026-01-01T09:30:00.000Z' },
    ] as Parameters<EventLog['read']>[0][]) {
      assert.equal(await exported.read(query), await log.read(query), JSON.stringify(query));
    }
    for (const position of [0, 1, 38, 39, 40, head, head + 1]) {
      assert.equal(await exported.readCommitAt(position), await log.readCommitAt(position));
    }
    for (const time of ['2020-01-01T00:00:00.000Z', '2026-01-01T03:00:00.000Z', at]) {
      assert.equal(await exported.readCommitBefore(time), await log.readCommitBefore(time));
    }
  });
  await close();
});

file.run();

const lines = inFolder(suite('transfer: lines'));

/** What the import of a changed export says; what came before is imported, nothing else. */
async function importChanged(change: (lines: string[]) => void) {
  const place = await source();
  await withLog(place, (log) => log.prune({ throughSlot: 11 }));
  await exportFrom(place, 'log.ndjson');
  const text = (await readFile(fileOf('log.ndjson'), 'utf8')).split('\n').slice(0, -1);
  change(text);
  await writeFile(fileOf('changed.ndjson'), `${text.join('\n')}\n`);
  const target = await memory!.createPlace();
  const refused = await refusal(() => importInto(target, fileOf('changed.ndjson')));
  assert.is(refused.code, 'transfer_line_invalid', refused.message);
  const [written, before] = [await withLog(target, readAllCommits), await withLog(place, readAllCommits)];
  assert.equal(written, before.slice(0, written.length));
  return {
    line: refused.details.line as number,
    rule: refused.details.rule as string,
    commits: written.length,
    all: before.length,
  };
}

/** A line as the tests' own hand sees it. */
// biome-ignore lint/suspicious/noExplicitAny: lines of every kind
type Line = any;

/** @param at the number of the line, from 1; 0 is the last */
const edit = (at: number, change: (line: Line) => void) => (all: string[]) => {
  const line = JSON.parse(all.at(at - 1)!);
  change(line);
  all.splice(at === 0 ? -1 : at - 1, 1, JSON.stringify(line));
};

/** Lines: 1 the manifest, 2 and 3 slot 1, 4 and 5 slot 2, and so on; slots 8 and 11 are pruned. A line of 0 is the last. */
const cases: [what: string, change: (lines: string[]) => void, line: number, rule: RegExp, commits: number | 'all'][] =
  [
    ['no JSON', (all) => all.splice(3, 1, '{"line":'), 4, /not JSON/, 1],
    ['an empty line', (all) => all.splice(3, 0, ''), 4, /not JSON/, 1],
    ['a manifest of another format', edit(1, (line) => (line.formatVersion = 2)), 1, /format 2/, 0],
    ['a manifest of another cluster', edit(1, (line) => (line.cluster.name = 'x')), 3, /position 1 is not/, 0],
    ['a manifest of another beginning', edit(1, (line) => (line.after.position = 1)), 1, /no log begins/, 0],
    ['a manifest of another end', edit(1, (line) => (line.through.slot = 3)), 8, /no line of kind end/, 3],
    ['a commit left out', (all) => all.splice(3, 2), 4, /slot 3 does not follow slot 1/, 1],
    [
      'two commits exchanged',
      (all) => all.splice(3, 4, ...all.slice(5, 7), ...all.slice(3, 5)),
      4,
      /slot 3 does not/,
      1,
    ],
    ['a writer changed', edit(4, (line) => (line.writer = 'me')), 4, /the hash of slot 2/, 1],
    ['a time changed', edit(4, (line) => (line.at = '2026-01-01T00:00:01.001Z')), 4, /the hash of slot 2/, 1],
    ['a hash changed', edit(4, (line) => (line.hash = 'f'.repeat(64))), 4, /the hash of slot 2/, 1],
    ['an append changed', edit(6, (line) => (line.appends[0].term = 2)), 6, /the hash of slot 3/, 2],
    ['a fact said to be pruned', edit(4, (line) => (line.pruned = true)), 4, /a fact is never pruned/, 1],
    ['data changed', edit(5, (line) => (line.data.term = 7)), 5, /hash of slot 2/, 1],
    ['a stream changed', edit(5, (line) => (line.subject = 'cluster')), 5, /hash of slot 2/, 1],
    ['an actor changed', edit(5, (line) => (line.actor = 'person:me')), 5, /hash of slot 2/, 1],
    ['a cause given', edit(5, (line) => (line.causationid = 'x')), 5, /hash of slot 2/, 1],
    ['an id changed', edit(5, (line) => (line.id = 'x')), 5, /hash of slot 2/, 1],
    ['a source changed', edit(5, (line) => (line.source = 'urn:uuid:x')), 5, /source is another cluster/, 1],
    ['a sequence changed', edit(5, (line) => (line.sequence = '3')), 5, /its place is position 2/, 1],
    [
      'an event time changed',
      edit(5, (line) => (line.time = '2026-01-01T00:00:03.000Z')),
      5,
      /not that of its commit/,
      1,
    ],
    ['an attribute more', edit(5, (line) => (line.note = 'x')), 5, /no line of kind event/, 1],
    ['an event left out', (all) => all.splice(4, 1), 5, /no line of kind event/, 1],
    ['an event twice', (all) => all.splice(4, 0, all[4]!), 6, /no line of kind commit/, 2],
    ['the last line left out', (all) => all.pop(), -1, /cut off/, 'all'],
    ['a line after the last', (all) => all.push(all[1]!), 0, /nothing may follow/, 'all'],
    ['a count changed', edit(0, (line) => (line.totals.events += 1)), -1, /it counts/, 'all'],
    [
      'a head changed',
      edit(0, (line) => (line.head.at = '2027-01-01T00:00:00.000Z')),
      -1,
      /not the last commit/,
      'all',
    ],
    ['the program of the manifest changed', edit(1, (line) => (line.program = 'x')), -1, /line 1 was changed/, 'all'],
  ];

for (const [what, change, line, rule, commits] of cases) {
  lines(`${what} is named by its line, and nothing of it or after it is imported`, async () => {
    const found = await importChanged(change);
    if (line > 0) assert.is(found.line, line);
    assert.match(found.rule, rule);
    assert.is(found.commits, commits === 'all' ? found.all : commits);
  });
}

lines('an event of a newer program is refused though its hashes are right', async () => {
  const { rule, line, commits } = await importChanged((all) => {
    const [header, event] = [JSON.parse(all[3]!), JSON.parse(all[4]!)];
    event.schemaversion = 2;
    const { position: _, ...stored } = storedOf(event);
    header.bodyHash = hashBody([canonicalJson(stored)]);
    header.hash = hashCommit(JSON.parse(all[1]!).hash, header);
    all.splice(3, 2, JSON.stringify(header), JSON.stringify(event));
  });
  assert.equal([line, commits], [5, 1]);
  assert.match(rule, /ControllerElected has schema version 2.*a newer program wrote it/);
});

lines('a file that is no export is refused, packed or not', async () => {
  const place = await memory!.createPlace();
  await writeFile(fileOf('x.ndjson'), '{"events":[]}\n');
  assert.is((await refusal(() => importInto(place, fileOf('x.ndjson')))).code, 'transfer_line_invalid');
  await writeFile(fileOf('x.gz'), 'not packed');
  assert.is((await refusal(() => importInto(place, fileOf('x.gz')))).code, 'file_unreadable');
  await writeFile(fileOf('cut.gz'), gzipSync('{"line":1}\n'.repeat(100_000)).subarray(0, 100));
  assert.match((await refusal(() => importInto(place, fileOf('cut.gz')))).code, /file_unreadable|line_invalid/);
  await writeFile(fileOf('empty.ndjson'), '');
  assert.match((await refusal(() => importInto(place, fileOf('empty.ndjson')))).message, /line 1: .*cut off/);
});

lines.run();

function storedOf(event: Line) {
  const { sequence, subject, streamversion: version, type, schemaversion: schemaVersion, data, actor } = event;
  const meta = {
    ...{ eventId: event.id, actor, requestId: event.requestid ?? null },
    ...{ correlationId: event.correlationid, causationId: event.causationid ?? null },
  };
  return { position: sequence, stream: subject, version, type, schemaVersion, data, meta };
}
