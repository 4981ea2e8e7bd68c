/** Events of older and of newer programs: the ones are lifted, the others refused by name and place. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AppError } from '../../../../src/errors.ts';
import { catalog } from '../../../../src/events/schema/catalog.ts';
import { upcasters as present } from '../../../../src/events/schema/catalog-upcasters.ts';
import type { Commit, StoredEvent } from '../../../../src/events/schema/event.ts';
import { createUpcaster, toLogEvents, type UnreadableEvent } from '../../../../src/events/schema/upcast.ts';
import { replay } from '../../../../src/history/replay/replay.ts';
import { silentLogger } from '../../../../src/logger.ts';

const test = suite('upcasting');

const stored = (type: string, schemaVersion: number, data: unknown = {}): StoredEvent => ({
  ...{ stream: 'service/web', version: 1, type, schemaVersion, data },
  meta: { eventId: 'e', actor: 'person:test', requestId: null, correlationId: 'c', causationId: null },
});

const commitOf = (...events: StoredEvent[]): Commit => ({
  ...{ slot: 7, first: 41, count: events.length, at: '2026-01-01T00:00:00.000Z', class: 'fact', writer: 'test' },
  ...{
    commitId: 'commit',
    appends: [{ appendId: 'a', count: events.length, term: 3 }],
    bodyHash: '',
    hash: '',
    events,
  },
});

/** A catalogue to come, in which a service's removal says who is to be told, and later how. */
const invented = { ...catalog, ServiceRemoved: { ...catalog.ServiceRemoved, schemaVersion: 3 } };
const upcasters = new Map([
  ...present,
  ['ServiceRemoved@1', (data: unknown) => ({ ...(data as object), told: [] })],
  ['ServiceRemoved@2', ({ told, ...rest }: { told: string[] }) => ({ ...rest, told: told.map((name) => ({ name })) })],
] as [string, (data: unknown) => unknown][]);

test('an old version is lifted step by step, a present one is left as it is', () => {
  const upcast = createUpcaster(invented, upcasters);
  const events = upcast(
    commitOf(
      stored('ServiceRemoved', 1, { service: 'web' }),
      stored('ServiceRemoved', 2, { service: 'web', told: ['ops'] }),
      stored('ServiceRemoved', 3, { service: 'web', told: [{ name: 'ops' }] }),
      stored('NodeCordoned', 1, { node: 'worker-1' }),
    ),
  );
  assert.equal(
    events.map(({ position, schemaVersion, data }) => [position, schemaVersion, data as unknown]),
    [
      [41, 3, { service: 'web', told: [] }],
      [42, 3, { service: 'web', told: [{ name: 'ops' }] }],
      [43, 3, { service: 'web', told: [{ name: 'ops' }] }],
      [44, 1, { node: 'worker-1' }],
    ],
  );
  assert.is(events[0]?.meta.term, 3);
});

test('what is stored is not changed by lifting it', () => {
  const event = stored('ServiceRemoved', 2, { service: 'web', told: ['ops'] });
  const before = structuredClone(event);
  createUpcaster(invented, upcasters)(commitOf(event));
  assert.equal(event, before);
});

test('a version without a way to the present one is found out at the start', () => {
  const gap = new Map([...upcasters].filter(([key]) => key !== 'ServiceRemoved@2'));
  assert.throws(() => createUpcaster(invented, gap), /ServiceRemoved has no upcaster from version 2/);
});

test('what a newer program wrote is refused by type, version and position', () => {
  const newer = refusal(() => toLogEvents(commitOf(stored('NodeCordoned', 1), stored('ServiceRemoved', 2))));
  assert.is(newer.code, 'event_version_unknown');
  assert.is(
    newer.message,
    'position 42 (slot 7): ServiceRemoved has schema version 2, this program knows 1: a newer program wrote it',
  );
  const unknown = refusal(() => toLogEvents(commitOf(stored('NodeRenamed', 1))));
  assert.equal([unknown.code, unknown.details], ['event_type_unknown', { position: 41, slot: 7, type: 'NodeRenamed' }]);
  assert.match(unknown.message, /NodeRenamed is unknown: a newer program wrote it/);
  assert.is(refusal(() => toLogEvents(commitOf(stored('toString', 1)))).code, 'event_type_unknown');
});

test('whoever wants to go on gets the rest of the commit, and is told what is not in it', () => {
  const told: [UnreadableEvent, string][] = [];
  const events = toLogEvents(
    commitOf(stored('NodeCordoned', 1), stored('NodeRenamed', 1), stored('NodeActivated', 1)),
    (event, error) => told.push([event, (error as AppError).code]),
  );
  assert.equal(
    events.map(({ position }) => position),
    [41, 43],
  );
  const at = '2026-01-01T00:00:00.000Z';
  assert.equal(told, [[{ position: 42, stream: 'service/web', type: 'NodeRenamed', at }, 'event_type_unknown']]);
});

test('a replay that may skip goes on without an event that cannot be read, and without what follows on its stream', async () => {
  const one = (event: StoredEvent, stream: string): StoredEvent => ({ ...event, stream });
  const alarm = (name: string) => stored('AlarmRaised', 1, { alarm: name, subject: '', message: '' });
  const commits = [
    { ...commitOf(one(alarm('a'), 'x'), one(stored('NodeRenamed', 1), 'x'), one(alarm('b'), 'x')), slot: 1, first: 1 },
    { ...commitOf(one(alarm('c'), 'y'), one(alarm('d'), 'x')), slot: 2, first: 4 },
  ];
  const head = { slot: 2, position: 5, at: commits[1]!.at, hash: '' };
  const log = {
    readCommits: async ({ afterSlot }: { afterSlot: number }) => commits.slice(afterSlot),
    readCommitAt: async (position: number) => commits[position > 3 ? 1 : 0]!,
    readCommitBefore: async () => commits[1]!,
    head: async () => head,
  };
  const deps = { log, logger: silentLogger };
  const bad: [number, string][] = [];
  const view = await replay(deps, { to: 'head', onBad: ({ position, type }) => bad.push([position, type]) });
  assert.equal(bad, [[2, 'NodeRenamed']]);
  assert.equal([...view.alarms.keys()], ['a ', 'c ']);
  assert.is(view.position, 5);
  const refused = await replay(deps, { to: 'head' }).catch((error: AppError) => error.code);
  assert.is(refused, 'event_type_unknown');
});

function refusal(attempt: () => unknown): AppError {
  try {
    attempt();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

test.run();
