/** Logins at registries: given a history, when one is set or removed, then this fact or that refusal. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AppError } from '../../../../src/errors.ts';
import { streams } from '../../../../src/events/schema/event.ts';
import { assertEvent } from '../../../../src/events/schema/validate-event.ts';
import { registryLoginsMax } from '../../../../src/model/registry.ts';
import { type ClusterView, emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { decideRegistry, type RegistryRequest } from '../../../../src/reconciler/commands/decide-registry.ts';
import { createHistory } from '../../../support/log/history.ts';

const test = suite('decide: registries');
const context = { actor: 'person:ada', requestId: 'request-1' };
const hashOf = (n: number) => `scrypt:32768:8:1:${'s'.repeat(22)}:${String(n).padStart(43, '0')}`;
const set = (version: number, host = 'a.example', hash = version): RegistryRequest => ({
  ...{ kind: 'set registry login', host, username: 'deployer', version, passwordHash: hashOf(hash) },
});

function open() {
  const history = createHistory();
  const view: ClusterView = emptyClusterView();
  return {
    view,
    when(request: RegistryRequest) {
      const { events, expect } = decideRegistry(view, request, context);
      assert.equal(expect, [{ stream: streams.registries, version: view.registriesVersion }]);
      const [event] = events as [(typeof events)[number]];
      assertEvent(event);
      evolve(view, history.add(event.type, event.data, event.stream));
      return event;
    },
  };
}
const codeOf = (attempt: () => unknown): string => {
  try {
    attempt();
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
  return 'none';
};

test('a login is set, and its version is the highest', () => {
  const { view, when } = open();
  assert.is(when(set(1)).type, 'RegistryLoginSet');
  const { setAt: _, ...login } = view.registryLogins.get('a.example')!;
  assert.equal(login, { host: 'a.example', username: 'deployer', version: 1, passwordHash: hashOf(1), setBy: 'test' });
  when(set(5, 'b.example'));
  assert.is(view.registryLoginVersion, 5);
});

test('the same again is recorded and changes nothing', () => {
  const { view, when } = open();
  when(set(1));
  const before = structuredClone(view.registryLogins);
  const again = when(set(1));
  assert.ok(again.type === 'RegistryLoginSet' && !again.data.changed);
  assert.equal(view.registryLogins, before);
});

test('a version that another request was faster with is refused', () => {
  const { when } = open();
  when(set(3));
  for (const late of [set(3, 'a.example', 9), set(2), set(3, 'b.example')]) {
    assert.is(
      codeOf(() => when(late)),
      'expectation_failed',
    );
  }
});

test('what is not set cannot be removed, and a removal gives no version back', () => {
  const { view, when } = open();
  assert.is(
    codeOf(() => when({ kind: 'remove registry login', host: 'a.example' })),
    'registry_login_not_found',
  );
  when(set(1));
  assert.is(when({ kind: 'remove registry login', host: 'a.example' }).type, 'RegistryLoginRemoved');
  assert.is(view.registryLogins.size, 0);
  assert.is(
    codeOf(() => when(set(1))),
    'expectation_failed',
  );
  when(set(2));
});

test('there are so many logins, and those that are there can be changed', () => {
  const { when } = open();
  for (let n = 1; n <= registryLoginsMax; n += 1) when(set(n, `r${n}.example`));
  assert.is(
    codeOf(() => when(set(registryLoginsMax + 1, 'one-more.example'))),
    'registry_logins_full',
  );
  when(set(registryLoginsMax + 1, 'r1.example'));
});

test.run();
