/** Who decides what an image means: given a history, when a node says what it has, then this fact or none. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ReportOf } from '../../../../src/bus/messages.ts';
import { type NewEvent, streams } from '../../../../src/events/schema/event.ts';
import { assertEvent } from '../../../../src/events/schema/validate-event.ts';
import { emptyClusterView } from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { resolvedDigest } from '../../../../src/reconciler/commands/decide-image.ts';
import { decideReport } from '../../../../src/reconciler/commands/decide-report.ts';
import { clusterId, createHistory, type History, spec, timeOf } from '../../../support/log/history.ts';

const test = suite('decide: images');
const [d1, d2] = [`sha256:${'1'.repeat(64)}`, `sha256:${'2'.repeat(64)}`];
const host = 'registry.example';

function viewOf({ events }: History) {
  const view = emptyClusterView();
  for (const event of events) evolve(view, event);
  return view;
}

function given({ publicKey = true } = {}): { history: History; container: string; requested: number } {
  const history = createHistory();
  const { data, stream } = history.node('worker-1');
  if (publicKey) history.add('NodeReturned', { ...(data as object), publicKey: 'A'.repeat(43) } as never, stream);
  const { position: requested } = history.serviceRequested('web', 2, spec({ image: `${host}/app:1` }));
  const container = history.queued('web', 1, 'worker-1');
  return { history, container, requested };
}

const head = (container: string) => ({
  ...{ clusterId, node: 'worker-1', reportId: clusterId, at: timeOf(0), session: 1, container, causationId: null },
});
const says = (container: string, digest: string | null = d1): ReportOf<'image'> => ({
  ...{ kind: 'image', ...head(container), digest, reason: digest === null ? 'not in a registry' : null },
});
const decide = (history: History, report: Parameters<typeof decideReport>[1]) => {
  const decision = decideReport(viewOf(history), report, clusterId);
  return typeof decision === 'string' ? decision : decision.event;
};
const fold = (history: History, event: NewEvent | string) => {
  assert.ok(typeof event === 'object');
  assertEvent(event);
  history.add(event.type, event.data, event.stream);
};

test('the first node that says so decides it, on a stream that must be empty', () => {
  const { history, container, requested } = given();
  const decision = decideReport(viewOf(history), says(container), clusterId);
  assert.ok(typeof decision === 'object');
  const stream = streams.image('web', requested);
  assert.equal(decision.expect, [{ stream, version: 0 }]);
  assert.is(decision.event.stream, stream);
  assert.is(decision.event.meta.actor, 'node:worker-1');
  fold(history, decision.event);
  assert.is(resolvedDigest(viewOf(history), container), d1);
});

test('whoever comes second gets the answer of the first', () => {
  const { history, container } = given();
  fold(history, decide(history, says(container, d1)));
  const second = history.queued('web', 2, 'worker-1');
  assert.is(decide(history, says(second, d2)), 'stale');
  assert.is(resolvedDigest(viewOf(history), second), d1);
});

test('that there is no digest is an answer too', () => {
  const { history, container } = given();
  fold(history, decide(history, says(container, null)));
  assert.is(decide(history, says(container, d2)), 'stale');
  assert.is(resolvedDigest(viewOf(history), container), null);
});

test('a container that the log has ended is to be removed, and says nothing about the image', () => {
  const { history, container } = given();
  history.failed(container, 'image');
  assert.is(decide(history, says(container)), 'orphan');
});

test('a node speaks for its own containers only', () => {
  const { history, container } = given();
  assert.is(decide(history, { ...says(container), node: 'worker-2' }), 'stale');
});

test('a digest of what runs is in its fact', () => {
  const { history, container } = given();
  const running: ReportOf<'running'> = {
    ...{
      ...head(container),
      kind: 'running',
      engineContainerId: 'e',
      startedAt: timeOf(0),
      ports: [],
      imageDigest: d1,
    },
  };
  const event = decide(history, running);
  fold(history, event);
  assert.is(viewOf(history).containers.get(container)?.imageDigest, d1);
});

const failsToPull = (container: string) =>
  ({
    ...{ ...head(container), kind: 'failed', reason: 'image', message: 'unauthorized', exitCode: null, logTail: [] },
  }) as ReportOf<'failed'>;
const withLogin = (history: History) => {
  const passwordHash = `scrypt:32768:8:1:${'s'.repeat(22)}:${'h'.repeat(43)}`;
  history.add('RegistryLoginSet', { host, username: 'a', version: 1, changed: true, passwordHash }, streams.registries);
};

test('the pull of an agent that cannot be given a login fails with these words', () => {
  const { history, container } = given({ publicKey: false });
  withLogin(history);
  const event = decide(history, failsToPull(container));
  assert.ok(typeof event === 'object' && event.type === 'ContainerFailed');
  assert.is(
    event.data.message,
    `its agent is of an earlier version and cannot be given the login at ${host}: unauthorized`,
  );
});

test('the pull of another agent fails with the words of the agent', () => {
  const { history, container } = given();
  withLogin(history);
  const event = decide(history, failsToPull(container));
  assert.ok(typeof event === 'object' && event.type === 'ContainerFailed');
  assert.is(event.data.message, 'unauthorized');
});

test.run();
