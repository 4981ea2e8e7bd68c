/** What would happen if: the answer is what the real cluster does, and nothing of the real one is touched. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { estimateStartTime } from '../../../../src/history/what-if/start-time.ts';
import {
  replicasAskedMax,
  type WhatIfAnswer,
  type WhatIfChange,
  whatIf,
} from '../../../../src/history/what-if/what-if.ts';
import { jobPolicyDefault } from '../../../../src/model/job.ts';
import type { ContainerSpec } from '../../../../src/model/service.ts';
import {
  type ClusterView,
  type ContainerView,
  emptyClusterView,
} from '../../../../src/projections/view/cluster-view.ts';
import { evolve } from '../../../../src/projections/view/evolve.ts';
import { type ApiRequest, decide } from '../../../../src/reconciler/commands/decide.ts';
import { createHistory } from '../../../support/log/history.ts';
import {
  createSimulatedCluster,
  nodeTimeoutMs,
  type SimulatedCluster,
} from '../../../support/simulation/simulated-cluster.ts';
import { specOf } from '../../../support/specs.ts';

const test = suite('what if');

const memoryBytes = 2 ** 31;

function ask(cluster: SimulatedCluster, request: ApiRequest): void {
  const { events, expect } = decide(
    cluster.view,
    request,
    { actor: 'person:test', requestId: 'test' },
    { nodeTimeoutMs },
  );
  assert.ok(cluster.append(events, expect));
}

function requestOf(
  cluster: SimulatedCluster,
  service: string,
  replicas: number,
  members: Partial<ContainerSpec> = {},
): void {
  ask(cluster, { kind: 'apply', specs: [{ service, replicas, container: specOf('nginx', members) }] });
}

/** Five nodes and three services that have settled. A seed in which a start fails is of no use here. */
function settledCluster(seed: number): SimulatedCluster {
  const cluster = createSimulatedCluster(seed);
  for (let number = 1; number <= 5; number += 1) cluster.addNode(`worker-${number}`);
  cluster.advance(1_500);
  requestOf(cluster, 'web', 7);
  requestOf(cluster, 'api', 4, { resources: { memoryBytes, cpuMillis: null } });
  requestOf(cluster, 'db', 1);
  cluster.advance(30_000);
  return cluster;
}

/** service.slot → node */
function placement(view: ClusterView): Record<string, string> {
  const live = [...view.containers.values()].filter(({ state }) => state === 'running');
  return Object.fromEntries(live.map(({ service, slot, node }) => [`${service}.${slot}`, node]).sort());
}

const hasFailures = ({ events }: SimulatedCluster) =>
  events.some((event) => event.type === 'ContainerFailed' && event.data.reason !== 'node lost');

const outcomeOf = ({ services }: WhatIfAnswer, name: string) => services.find(({ service }) => service === name)!;
const nodesOf = (answer: WhatIfAnswer, name: string) =>
  Object.fromEntries(outcomeOf(answer, name).after!.nodes.map(({ node, containers }) => [node, containers]));

const kill = (node: string): WhatIfChange => ({ kind: 'kill', node });

test('a killed node: each slot goes where the real cluster puts it', async () => {
  let compared = 0;
  for (let seed = 1; seed <= 20; seed += 1) {
    const cluster = settledCluster(seed);
    const node = `worker-${1 + (seed % 5)}`;
    const before = placement(cluster.view);
    const answer = await whatIf(cluster.view, { changes: [kill(node)] });
    cluster.crash(node);
    cluster.advance(60_000);
    if (hasFailures(cluster)) continue;
    compared += 1;
    const supposed = Object.fromEntries(
      answer.timeline
        .filter(({ type }) => type === 'ContainerRunning')
        .map(({ service, slot, node: where }) => [`${service}.${slot}`, where!]),
    );
    assert.equal({ ...before, ...supposed }, placement(cluster.view), `seed ${seed}`);
    assert.is(answer.verdict.kind, 'converges');
    assert.ok(answer.verdict.afterMs > 5_000 && answer.verdict.afterMs < 10_000, answer.verdict.sentence);
  }
  assert.ok(compared >= 5, `${compared} seeds without a failing start`);
});

test('the view that was asked about is not touched, nothing is written, and the answer is the same again', async () => {
  const cluster = settledCluster(3);
  const copy = structuredClone(cluster.view);
  const written = cluster.events.length;
  const question = { changes: [kill('worker-2'), { kind: 'scale', service: 'web', replicas: 9 } as const] };
  const answers = [await whatIf(cluster.view, question), await whatIf(cluster.view, question)];
  assert.equal(answers[0], answers[1]);
  assert.equal(cluster.view, copy);
  assert.is(cluster.events.length, written);
  assert.is(answers[0]!.position, copy.position);
});

test('a live view goes on at once: the answer is of the position it was asked at', async () => {
  const cluster = settledCluster(3);
  const question = { changes: [kill('worker-2')] };
  const before = await whatIf(cluster.view, question);
  const answer = whatIf(cluster.view, question);
  ask(cluster, { kind: 'patch', service: 'web', replicas: 9 });
  assert.equal(await answer, before);
});

test('more than fits: blocked with the reason, from the time it is found', async () => {
  const cluster = settledCluster(3);
  const answer = await whatIf(cluster.view, { changes: [{ kind: 'scale', service: 'api', replicas: 24 }] });
  const { after, blockedAfterMs, moved } = outcomeOf(answer, 'api');
  // 8 GiB a node, 2 GiB a container.
  assert.equal([after?.status, after?.running, moved, blockedAfterMs], ['blocked', 20, 0, 0]);
  assert.is(answer.verdict.kind, 'stuck');
  assert.match(answer.verdict.sentence, /^does not converge.*api: no node for 4 of 24 replicas: .*memory.*\(5 nodes\)/);
  assert.ok(outcomeOf(answer, 'web').isUntouched);
});

test('what is short of a node finds one when another service makes room', async () => {
  const cluster = settledCluster(3);
  ask(cluster, { kind: 'patch', service: 'api', replicas: 24 });
  cluster.advance(60_000);
  requestOf(cluster, 'cache', 1, { resources: { memoryBytes, cpuMillis: null } });
  cluster.advance(1_000);
  const unrelated = await whatIf(cluster.view, { changes: [{ kind: 'scale', service: 'db', replicas: 2 }] });
  assert.is(unrelated.verdict.kind, 'converges', 'what was short before is no fault of the change');
  assert.match(unrelated.verdict.sentence, /stays so: api: no node for 4 of 24/);
  const answer = await whatIf(cluster.view, { changes: [{ kind: 'scale', service: 'api', replicas: 10 }] });
  assert.is(outcomeOf(answer, 'cache').after?.status, 'converged');
  assert.is(answer.verdict.kind, 'converges');
});

test('a drained node is left by all, one surge at a time, and by nobody else', async () => {
  const cluster = settledCluster(3);
  const there = Object.values(placement(cluster.view)).filter((node) => node === 'worker-1').length;
  assert.ok(there > 0);
  const answer = await whatIf(cluster.view, { changes: [{ kind: 'drain', node: 'worker-1' }] });
  assert.is(answer.verdict.kind, 'converges');
  assert.is(
    answer.services.reduce((sum, { moved }) => sum + moved, 0),
    there,
  );
  for (const { service, after } of answer.services) {
    assert.is(after?.status, 'converged');
    assert.is(nodesOf(answer, service)['worker-1'], undefined);
  }
});

test('two changes at once: what goes to the dead node before it is lost goes elsewhere after', async () => {
  const cluster = settledCluster(3);
  const changes: WhatIfChange[] = [kill('worker-2'), { kind: 'scale', service: 'web', replicas: 12 }];
  const answer = await whatIf(cluster.view, { changes });
  assert.is(answer.verdict.kind, 'converges');
  assert.is(outcomeOf(answer, 'web').after?.running, 12);
  assert.is(nodesOf(answer, 'web')['worker-2'], undefined);
  const placedOnDead = answer.timeline.filter(({ type, node }) => type === 'ContainerQueued' && node === 'worker-2');
  assert.ok(placedOnDead.length > 0, 'nobody knows yet that it is dead');
  assert.not(answer.timeline.some(({ type, node }) => type === 'ContainerRunning' && node === 'worker-2'));
  const lost = answer.timeline.find(({ type }) => type === 'NodeLost');
  assert.equal([lost?.afterMs, lost?.why], [5_001, 'silent for 5 s']);
});

test('a new image: every slot is replaced, never more at a time than the surge', async () => {
  const cluster = settledCluster(3);
  const answer = await whatIf(cluster.view, { changes: [{ kind: 'image', service: 'web', image: 'nginx:2' }] });
  const { after, placed, stopped } = outcomeOf(answer, 'web');
  assert.equal([after?.image, after?.running, placed, stopped], ['nginx:2', 7, 7, 7]);
  let wanted = 7;
  for (const { type } of answer.timeline) {
    if (type === 'ContainerQueued') wanted += 1;
    if (type === 'ContainerStopRequested') wanted -= 1;
    assert.ok(wanted <= 8, 'the surge of 7 is 1');
  }
});

test('an image that fails: the rollout pauses, and as many run as before', async () => {
  const change = { kind: 'image', service: 'web', image: 'nginx:2', fails: true } as const;
  const answer = await whatIf(settledCluster(3).view, { changes: [change] });
  assert.ok(answer.timeline.some(({ type }) => type === 'RolloutPaused'));
  const { after } = outcomeOf(answer, 'web');
  assert.equal([after?.status, after?.running], ['paused', 7]);
  assert.is(answer.verdict.kind, 'stuck');
  assert.match(answer.verdict.sentence, /the rollout of generation 2 is paused/);
  assert.ok(answer.assumptions.some((sentence) => sentence.includes('nginx:2 end as soon as they run')));
});

test('a removed service ends and is gone', async () => {
  const answer = await whatIf(settledCluster(3).view, { changes: [{ kind: 'remove', service: 'web' }] });
  assert.is(outcomeOf(answer, 'web').after, null);
  assert.is(answer.timeline.at(-1)?.what, 'web is gone');
  assert.is(answer.verdict.kind, 'converges');
});

test('when most nodes die together nothing is moved, and that is the answer', async () => {
  const changes = [kill('worker-1'), kill('worker-2'), kill('worker-3')];
  const answer = await whatIf(settledCluster(3).view, { changes });
  assert.is(answer.verdict.kind, 'held');
  assert.match(answer.verdict.sentence, /3 of 5 nodes fell silent together/);
  assert.not(answer.timeline.some(({ type }) => type === 'ContainerQueued'));
});

test('the configured time-out counts, and a bound in time is kept', async () => {
  const { view } = settledCluster(3);
  const late = await whatIf(view, { changes: [kill('worker-2')] }, { nodeTimeoutMs: 20_000 });
  assert.is(late.timeline.find(({ type }) => type === 'NodeLost')?.afterMs, 20_001);
  const cut = await whatIf(view, { changes: [kill('worker-2')], withinMs: 3_000 });
  assert.equal([cut.verdict.kind, cut.verdict.afterMs], ['out of time', 3_000]);
  assert.ok(cut.timeline.every(({ afterMs }) => afterMs <= 3_000));
});

test('a question that is too much work is given up, at the same event each time', async () => {
  const { view } = settledCluster(3);
  const question = { changes: [{ kind: 'scale', service: 'web', replicas: 500 } as const] };
  const [first, second] = [
    await whatIf(view, question, { slotsLookedAtMax: 5_000 }),
    await whatIf(view, question, { slotsLookedAtMax: 5_000 }),
  ];
  assert.is(first.verdict.kind, 'too much');
  assert.equal(first, second);
  assert.is((await whatIf(view, question)).verdict.kind, 'converges');
});

/** How often the event loop came round meanwhile. */
async function countTicks(work: () => Promise<unknown>): Promise<number> {
  let ticks = 0;
  let isOver = false;
  const tick = () => {
    ticks += 1;
    if (!isOver) setImmediate(tick);
  };
  setImmediate(tick);
  await work();
  isOver = true;
  return ticks;
}

/** Nodes, and services that were requested but not placed yet: the first look of plan is at all of them. */
function unplaced(services: number, replicas: number): ClusterView {
  const history = createHistory();
  for (let number = 1; number <= 3; number += 1) history.node(`worker-${number}`);
  for (let number = 1; number <= services; number += 1) history.serviceRequested(`service-${number}`, replicas);
  const view = emptyClusterView();
  for (const event of history.events) evolve(view, event);
  return view;
}

test('however much there is to plan, the event loop comes round meanwhile', async () => {
  const view = unplaced(32, 10_000);
  let answer: WhatIfAnswer | undefined;
  const ticks = await countTicks(async () => {
    answer = await whatIf(view, { changes: [kill('worker-1')] });
  });
  assert.is(answer?.verdict.kind, 'too much');
  assert.ok(ticks > 5, `${ticks} times`);
});

test('services planned in several looks are placed as in one: evenly, each replica once', async () => {
  const view = unplaced(6, 600);
  const { services, verdict } = await whatIf(view, {
    changes: [{ kind: 'scale', service: 'service-1', replicas: 900 }],
  });
  assert.is(verdict.kind, 'converges', verdict.sentence);
  for (const { service, placed, after } of services) {
    const replicas = service === 'service-1' ? 900 : 600;
    assert.equal([placed, after?.running], [replicas, replicas]);
    assert.ok(
      after!.nodes.every(({ containers }) => containers === replicas / 3),
      service,
    );
  }
});

test('a question that scales to more than a bound in all is refused before anything is planned', async () => {
  const { view } = settledCluster(3);
  const scale = (service: string, replicas: number): WhatIfChange => ({ kind: 'scale', service, replicas });
  const refusal = (changes: WhatIfChange[]) =>
    whatIf(view, { changes }, { slotsLookedAtMax: 1 }).then(
      () => null,
      ({ code, details }) => ({ code, field: details.field }),
    );
  const half = replicasAskedMax / 2;
  assert.equal(await refusal([scale('web', half), scale('api', half + 1)]), {
    code: 'whatif_too_large',
    field: 'changes',
  });
  assert.is(await refusal([scale('web', half), scale('api', half)]), null);
  assert.is(await refusal([scale('web', half), scale('web', half), scale('web', half)]), null, 'the last one counts');
});

test('nothing follows: it says so', async () => {
  const { view } = settledCluster(3);
  const same = await whatIf(view, { changes: [{ kind: 'scale', service: 'web', replicas: 7 }] });
  assert.equal([same.verdict.kind, same.verdict.sentence], ['unchanged', 'nothing moves']);
  assert.ok(same.services.every(({ isUntouched }) => isUntouched));
});

test('what is under way goes on: the answer begins in the middle of a start', async () => {
  const cluster = settledCluster(3);
  ask(cluster, { kind: 'patch', service: 'web', replicas: 9 });
  const answer = await whatIf(cluster.view, { changes: [{ kind: 'scale', service: 'db', replicas: 2 }] });
  assert.equal([outcomeOf(answer, 'web').after?.running, outcomeOf(answer, 'db').after?.running], [9, 2]);
  assert.is(answer.verdict.kind, 'converges');
});

/** As a view is whose beats are in the log: the named nodes were last heard so long before its end. */
function heard(view: ClusterView, agoMs: Record<string, number>): ClusterView {
  const then = structuredClone(view);
  for (const node of then.nodes.values()) {
    node.lastHeardAt = new Date(Date.parse(then.at) - (agoMs[node.id] ?? 500)).toISOString();
  }
  return then;
}

test('a node that was silent already stays so, and the answer says it', async () => {
  const { view } = settledCluster(3);
  const changes: WhatIfChange[] = [{ kind: 'scale', service: 'db', replicas: 2 }];
  const answer = await whatIf(heard(view, { 'worker-4': 5_500 }), { changes });
  assert.is(answer.timeline.find(({ type }) => type === 'NodeLost')?.node, 'worker-4');
  assert.ok(answer.assumptions.some((sentence) => sentence.includes('stay so: worker-4')));
  const pruned = Object.fromEntries([...view.nodes.keys()].map((node) => [node, 3_600_000]));
  assert.not((await whatIf(heard(view, pruned), { changes })).timeline.some(({ type }) => type === 'NodeLost'));
});

test('rescheduling that is paused at that time stays so while most are silent, and ends when they are heard', async () => {
  const cluster = settledCluster(3);
  for (const node of ['worker-1', 'worker-2', 'worker-3']) cluster.crash(node);
  cluster.advance(8_000);
  assert.is(cluster.view.alarms.size, 1);
  const changes: WhatIfChange[] = [{ kind: 'scale', service: 'db', replicas: 2 }];
  const silent = { 'worker-1': 7_000, 'worker-2': 7_000, 'worker-3': 7_000 };
  assert.is((await whatIf(heard(cluster.view, silent), { changes })).verdict.kind, 'held');
  const { 'worker-3': _, ...minority } = silent;
  const released = await whatIf(heard(cluster.view, minority), { changes });
  assert.is(released.verdict.kind, 'converges', released.verdict.sentence);
  const lost = released.timeline.filter(({ type }) => type === 'NodeLost');
  // A release gives them a fresh grace period.
  assert.equal(Object.fromEntries(lost.map(({ node, afterMs }) => [node, afterMs])), {
    'worker-1': 5_001,
    'worker-2': 5_001,
  });
});

test('how long a start takes is read off the starts there were, their waiting for a turn left out', () => {
  const view = emptyClusterView();
  const startedAt = Date.UTC(2026, 0, 1);
  const add = (position: number, runningMs: number) => {
    const at = (ms: number) => new Date(startedAt + ms).toISOString();
    const members = { engineId: 'engine', queuedPosition: position, queuedAt: at(0), runningAt: at(runningMs) };
    view.containers.set(`web.${position}-1`, members as unknown as ContainerView);
  };
  for (let position = 1; position <= 4; position += 1) add(position, 400);
  assert.equal(estimateStartTime(view), { startMs: 600, samples: 0 }, 'too few');
  for (let position = 5; position <= 12; position += 1) add(position, position <= 8 ? 800 : 1_200);
  assert.equal(estimateStartTime(view), { startMs: 400, samples: 12 });
});

test('a job that is requested runs and ends', async () => {
  const { view } = settledCluster(3);
  const job = { ...jobPolicyDefault, completions: 3, maxAttempts: 2 };
  const spec = { service: 'batch', replicas: null, container: specOf('batch'), mode: 'job', job } as const;
  const request = { kind: 'request', request: { kind: 'apply', specs: [spec] } } as const;
  const answer = await whatIf(view, { changes: [request] });
  assert.is(answer.verdict.kind, 'converges', answer.verdict.sentence);
  const words = answer.timeline.map(({ what }) => what);
  assert.ok(words.includes('run 1 of batch begins'));
  assert.is(words.at(-1), 'run 1 of batch is complete');
  assert.ok(
    answer.assumptions.includes('a container of a job ends with 0 after 10 s, and no run begins by a schedule'),
  );
});

test('a change of something that is not there is refused', async () => {
  const { view } = settledCluster(3);
  const codeOf = (change: WhatIfChange) =>
    whatIf(view, { changes: [change] }).then(
      () => 'nothing was refused',
      ({ code }) => code,
    );
  assert.is(await codeOf(kill('worker-9')), 'node_not_found');
  assert.is(await codeOf({ kind: 'drain', node: 'worker-9' }), 'node_not_found');
  assert.is(await codeOf({ kind: 'scale', service: 'nobody', replicas: 1 }), 'service_not_found');
});

test.run();
