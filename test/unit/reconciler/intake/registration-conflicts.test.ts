/** Two instances under one node id: which is challenged, which is refused and with what words, and what is remembered. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ManagerBus } from '../../../../src/bus/bus.ts';
import type { ChallengeCommand, Refusal, RegisterReport } from '../../../../src/bus/messages.ts';
import { AppError } from '../../../../src/errors.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { emptyClusterView, type NodeView } from '../../../../src/projections/view/cluster-view.ts';
import { createRegistrationConflicts } from '../../../../src/reconciler/intake/registration-conflicts.ts';

const test = suite('registration conflicts');
const clusterId = '00000000-0000-4000-8000-000000000000';
const instanceOf = (id: string) => ({ id, pid: 1, startedAt: '2026-01-01T00:00:00.000Z' });

const reportOf = (instance: string, more: Partial<RegisterReport> = {}) =>
  ({
    ...{ kind: 'register', clusterId, node: 'worker-1', hostname: `host of ${instance}`, registrationId: 'r1' },
    ...{ instance: instanceOf(instance), ...more },
  }) as RegisterReport;

/** worker-1 is the instance `current`'s, whose last heartbeat came `silentMs` ago. */
function setUp({ silentMs = 1_000 as number | null, isBusAway = false } = {}) {
  const view = emptyClusterView();
  const node = {
    id: 'worker-1',
    session: 7,
    state: 'ready',
    hostname: 'left',
    instance: instanceOf('current'),
    refusals: [],
  };
  view.nodes.set('worker-1', node as unknown as NodeView);
  let nowMs = 0;
  const challenges: ChallengeCommand[] = [];
  const refusals: Refusal[] = [];
  const away = () => Promise.reject(new AppError('bus_unavailable', 'away', { retryable: true }));
  const bus = {
    async sendCommand(command: ChallengeCommand) {
      challenges.push(command);
      if (isBusAway) await away();
    },
    async sendRefusal(refusal: Refusal) {
      refusals.push(refusal);
      if (isBusAway) await away();
    },
  } as unknown as ManagerBus;
  const heartbeats = {
    timeoutMs: 5_000,
    silentMs: () => silentMs,
    sinceHeartbeatMs: () => silentMs,
  };
  const deps = { view, bus, heartbeats, clock: { monotonicMs: () => nowMs }, logger: silentLogger };
  const conflicts = createRegistrationConflicts(deps, { clusterId });
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { view, conflicts, challenges, refusals, pass };
}

test('the instance that has the node, and one for a node that no instance has, register without a challenge', () => {
  const { conflicts, challenges } = setUp();
  assert.is(conflicts.resolve(reportOf('current')), 'register');
  assert.is(conflicts.resolve(reportOf('other', { node: 'worker-2' })), 'register');
  assert.equal(challenges, []);
});

test('another instance is challenged through the queue of the node', () => {
  const { conflicts, challenges } = setUp();
  assert.is(conflicts.resolve(reportOf('other')), 'challenge');
  const { kind, node, instanceId, hostname } = challenges[0]!;
  assert.equal([kind, node, instanceId, hostname], ['challenge', 'worker-1', 'other', 'host of other']);
});

test('it is refused once the current one was heard after the challenge, and not before', () => {
  const { conflicts, challenges, pass } = setUp();
  conflicts.resolve(reportOf('other'));
  pass(500);
  assert.is(conflicts.resolve(reportOf('other')), 'challenge', 'the last heartbeat is older than the challenge');
  pass(2_000);
  assert.is(conflicts.resolve(reportOf('other')), 'refuse');
  assert.is(challenges.length, 2);
});

test('one that reads the queue of the node has the node', () => {
  const { conflicts } = setUp();
  conflicts.resolve(reportOf('other'));
  assert.is(conflicts.resolve(reportOf('other', { readsQueue: true })), 'register');
});

test('a node that is silent for the time-out is given to the next instance', () => {
  const { conflicts, challenges } = setUp({ silentMs: 5_001 });
  assert.is(conflicts.resolve(reportOf('other')), 'register');
  assert.equal(challenges, []);
});

test('of a thousand challenged instances the first is forgotten, and challenged again', () => {
  const { conflicts, pass } = setUp();
  conflicts.resolve(reportOf('first'));
  pass(2_000);
  for (let number = 1; number <= 1_000; number += 1) conflicts.resolve(reportOf(`other-${number}`));
  assert.is(conflicts.resolve(reportOf('first')), 'challenge');
  pass(2_000);
  assert.is(conflicts.resolve(reportOf('other-1000')), 'refuse', 'the last ones are remembered');
});

test('a refusal says which agent has the node; without one there is none', () => {
  const { view, conflicts, refusals } = setUp();
  conflicts.sendRefusal(reportOf('other'));
  const { instanceId, registrationId, holder } = refusals[0]!;
  assert.equal([instanceId, registrationId, holder.hostname, holder.instance.id], ['other', 'r1', 'left', 'current']);
  view.nodes.delete('worker-1');
  conflicts.sendRefusal(reportOf('other'));
  assert.is(refusals.length, 1);
});

test('a bus that is away keeps neither a challenge nor a refusal from being decided', async () => {
  const { conflicts } = setUp({ isBusAway: true });
  assert.is(conflicts.resolve(reportOf('other')), 'challenge');
  conflicts.sendRefusal(reportOf('other'));
  await new Promise(setImmediate);
});

test.run();
