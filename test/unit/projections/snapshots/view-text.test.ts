/** A view as text: a fold goes on from it as it would from the view itself. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LogEvent } from '../../../../src/events/schema/event.ts';
import { toLogEvents } from '../../../../src/events/schema/upcast.ts';
import { parseView, writeView } from '../../../../src/projections/snapshots/view-text.ts';
import { type ClusterView, emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolveCommit } from '../../../../src/projections/view/evolve.ts';
import { readGolden } from '../../../golden/golden-file.ts';

const test = suite('view as text');

type Step = { first: number; count: number; at: string; events: LogEvent[] };

/** One of every event there is, an event a commit. */
const steps: readonly Step[] = readGolden().map(({ position, at, event }) => {
  const commit = {
    slot: position,
    first: position,
    count: 1,
    at,
    class: 'fact',
    appends: [],
    events: [event],
  } as const;
  const rest = { writer: 'test', commitId: 'c', bodyHash: '', hash: '' };
  return { first: position, count: 1, at, events: toLogEvents({ ...commit, ...rest, appends: [], events: [event] }) };
});

const fold = (view: ClusterView, { events, ...commit }: Step) => evolveCommit(view, commit, events);

test('at every commit of a history with every event there is, it comes back whole', () => {
  const view = emptyClusterView();
  let mostContainers = 0;
  for (const step of steps) {
    fold(view, step);
    mostContainers = Math.max(mostContainers, view.containers.size);
    assert.equal(withoutHashes(parseView(JSON.parse(writeView(view)))), withoutHashes(structuredClone(view)));
  }
  assert.ok(mostContainers > 0);
});

test('the fold goes on from it to the same end, from every commit', () => {
  const whole = emptyClusterView();
  for (const step of steps) fold(whole, step);
  const start = emptyClusterView();
  for (const [index, step] of steps.entries()) {
    fold(start, step);
    const resumed = parseView(JSON.parse(writeView(start)));
    for (const later of steps.slice(index + 1)) fold(resumed, later);
    assert.equal(withoutHashes(resumed), withoutHashes(structuredClone(whole)), `from position ${start.position}`);
  }
});

test('containers share the spec of their service, as they did', () => {
  const view = emptyClusterView();
  let shared = 0;
  for (const step of steps) {
    fold(view, step);
    const parsed = parseView(JSON.parse(writeView(view)));
    for (const { service, spec } of parsed.containers.values())
      if (parsed.services.get(service)?.spec === spec) shared += 1;
  }
  assert.ok(shared > 0);
});

test('no hash of a token or a password leaves the manager', () => {
  const view = emptyClusterView();
  const token = { id: 'aa', name: 'ada', scopes: ['read'], hash: 'f'.repeat(64), expiresAt: null } as const;
  view.tokens.set('aa', { ...token, issuedAt: view.at, issuedBy: 'person:ada' });
  const login = { host: 'h', username: 'u', version: 1, passwordHash: 'e'.repeat(64) };
  view.registryLogins.set('h', { ...login, setAt: view.at, setBy: 'person:ada' });
  assert.not.match(writeView(view), /f{64}|e{64}/);
  assert.is(view.tokens.get('aa')?.hash, 'f'.repeat(64), 'the view itself keeps it');
});

function withoutHashes(view: ClusterView): ClusterView {
  for (const token of view.tokens.values()) token.hash = '';
  for (const login of view.registryLogins.values()) login.passwordHash = '';
  return view;
}

test.run();
