/** Who may have a token, how many, and what a revocation takes away. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasCode } from '../../../../src/errors.ts';
import { tokensMax } from '../../../../src/model/token.ts';
import { emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { decide } from '../../../../src/reconciler/commands/decide.ts';
import type { TokenRequest } from '../../../../src/reconciler/commands/decide-token.ts';

const test = suite('tokens');
const context = { actor: 'person:ada', requestId: 'r1' };
const timeOf = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1_000).toISOString();

const refused = (code: string, attempt: () => unknown) =>
  assert.throws(attempt, (error: unknown) => hasCode(error, code));

function createCluster() {
  const view = emptyClusterView();
  view.at = timeOf(0);
  let issued = 0;
  const request = (wanted: TokenRequest, second = 0) => {
    const decision = decide(view, wanted, context, { nodeTimeoutMs: 5_000 });
    for (const event of decision.events) {
      const position = view.position + 1;
      const meta = { ...event.meta, eventId: `e${position}`, correlationId: 'c' };
      evolve(view, { ...event, position, version: view.tokensVersion + 1, at: timeOf(second), meta } as never);
    }
    return decision;
  };
  return {
    view,
    issue(name: string, { expires = null, second = 0 }: { expires?: number | null; second?: number } = {}) {
      issued += 1;
      const token = issued.toString(16).padStart(12, '0');
      const expiresAt = expires === null ? null : timeOf(expires);
      request({ kind: 'issue token', token, name, scopes: ['read'], expiresAt, hash: 'a'.repeat(64) }, second);
      return token;
    },
    use: (token: string, node: string) => request({ kind: 'use token', token, node }),
    revoke: (token: string) => request({ kind: 'revoke token', token }),
  };
}

test('a token is issued on the stream of tokens, by whom it was requested', () => {
  const { view, issue } = createCluster();
  const id = issue('ben', { expires: 60 });
  const expected = { id, name: 'ben', scopes: ['read'], hash: 'a'.repeat(64), expiresAt: timeOf(60) };
  assert.equal([...view.tokens.values()], [{ ...expected, issuedAt: timeOf(0), issuedBy: 'person:ada' }]);
});

test('two writers who decide from the same view cannot both append', () => {
  const { view, issue, revoke } = createCluster();
  const id = issue('ben');
  assert.equal(revoke(id).expect, [{ stream: 'tokens', version: 1 }]);
  assert.is(view.tokensVersion, 2);
});

test('a token lets one node in, once, and two at once cannot both have it', () => {
  const { view, issue, use } = createCluster();
  const id = issue('join-1');
  const { events, expect } = use(id, 'worker-6');
  assert.equal(events[0]?.data, { token: id, name: 'join-1', node: 'worker-6' });
  assert.equal(expect, [{ stream: 'tokens', version: 1 }]);
  assert.is(view.tokens.size, 0);
  refused('unauthenticated', () => use(id, 'worker-6'));
});

test('a node that is in use is not let in again, and one that is lost is', () => {
  const { view, issue, use } = createCluster();
  const id = issue('join-1');
  view.nodes.set('worker-6', { id: 'worker-6', state: 'ready' } as never);
  refused('node_not_lost', () => use(id, 'worker-6'));
  assert.is(view.tokens.size, 1);
  view.nodes.set('worker-6', { id: 'worker-6', state: 'lost' } as never);
  use(id, 'worker-6');
  assert.is(view.tokens.size, 0);
});

test('a name has two valid tokens at most, so that one replaces the other without a gap', () => {
  const { issue, revoke } = createCluster();
  const first = issue('ben');
  issue('ben');
  issue('ada');
  refused('token_limit', () => issue('ben'));
  revoke(first);
  issue('ben');
});

test('an expired token neither counts nor stays', () => {
  const { view, issue } = createCluster();
  issue('ben', { expires: 10 });
  issue('ben', { expires: 10 });
  refused('token_limit', () => issue('ben', { second: 9 }));
  view.at = timeOf(11);
  const last = issue('ben', { second: 11 });
  assert.equal([...view.tokens.keys()], [last]);
});

test('there is a bound to all of them', () => {
  const { issue } = createCluster();
  for (let n = 0; n < tokensMax; n += 1) issue(`name-${n}`);
  refused('tokens_full', () => issue('one-more'));
});

test('a revocation takes one token by its id, all of a name by the name', () => {
  const { view, issue, revoke } = createCluster();
  const first = issue('ben');
  const second = issue('ben');
  revoke(first);
  assert.equal([...view.tokens.keys()], [second]);
  issue('ben');
  assert.is(revoke('ben').events.length, 2);
  assert.is(view.tokens.size, 0);
  refused('token_not_found', () => revoke('ben'));
});

test.run();
