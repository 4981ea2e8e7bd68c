/** Why a container or a service is as it is, told of scenes on the simulated cluster with the real planner. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AppError } from '../../../../src/errors.ts';
import type { Link } from '../../../../src/history/explain/cause-chain.ts';
import { countedMax, passedMax } from '../../../../src/history/explain/cause-chain.ts';
import { explainContainer } from '../../../../src/history/explain/explain-container.ts';
import { explainService } from '../../../../src/history/explain/explain-service.ts';
import { jobPolicyDefault } from '../../../../src/model/job.ts';
import { createCountingLog } from '../../../support/log/simulated-log.ts';
import type { SimulatedCluster } from '../../../support/simulation/simulated-cluster.ts';
import { applyFor, ask, containersIn, exit, runningOf, startScene } from '../../../support/simulation/why-scenarios.ts';
import { specOf } from '../../../support/specs.ts';

const test = suite('why');

const whyContainer = (cluster: SimulatedCluster, id: string) => explainContainer(createCountingLog(cluster.events), id);
const whyService = (cluster: SimulatedCluster, name: string) =>
  explainService(createCountingLog(cluster.events), cluster.view, name);
const typesOf = (chain: Link[]) => chain.map(({ type }) => type);
/** From the newest link along `because`. */
function pathOf(chain: Link[]): Link[] {
  const path: Link[] = [];
  for (let next = chain[0]; next; next = chain.find(({ position }) => position === path.at(-1)!.because))
    path.push(next);
  return path;
}

test('a container that runs: who requested it, and why on this node', async () => {
  const cluster = startScene(3);
  ask(cluster, 'alice', applyFor('web', 3, specOf('nginx:1.27')));
  const [id] = runningOf(cluster, 'web');
  const why = await whyContainer(cluster, id!);
  const { node } = cluster.view.containers.get(id!)!;
  assert.match(
    why.answer,
    new RegExp(
      `^${id} runs on ${node} since 2026-01-01 00:00:0\\d\\.\\d{3} UTC, because alice requested 3 replicas of web from nginx:1\\.27 \\(generation 1\\); ${node} was one of the least loaded of 3 nodes that could take it$`,
    ),
  );
  assert.equal(typesOf(why.chain), ['ContainerRunning', 'ContainerStarting', 'ContainerQueued', 'ServiceRequested']);
  const placed = why.chain[2]!;
  assert.is(placed.details[0], `chosen: ${node} with 0 replicas of web, 0 containers in all`);
  assert.is(placed.details.length, 3);
  assert.is(why.chain.at(-1)!.actor, 'person:alice');
  assert.is(why.placement.candidates.length, 3);
  assert.equal([why.replaces, why.replacedBy, why.left, why.subject.state], [null, null, null, 'running']);
});

test('a scale-down: its caller is in the answer', async () => {
  const cluster = startScene(3);
  ask(cluster, 'alice', applyFor('web', 3, specOf('nginx')));
  const [, , id] = runningOf(cluster, 'web');
  ask(cluster, 'carol', { kind: 'patch', service: 'web', replicas: 2 });
  const why = await whyContainer(cluster, id!);
  assert.match(
    why.answer,
    / was stopped on worker-\d at .* after running for [\d.]+ s, because carol scaled web from 3 to 2 replicas \(generation 2\)$/,
  );
  assert.equal(
    pathOf(why.chain).map(({ type }) => type),
    ['ContainerStopped', 'ContainerStopRequested', 'ServiceScaled'],
  );
  assert.match(why.chain[1]!.sentence, /was asked to stop within 10 s: web needs fewer replicas$/);
});

test('a new image: what the request changed, what was replaced and by what', async () => {
  const cluster = startScene(3);
  ask(cluster, 'alice', applyFor('web', 3, specOf('nginx:1.27')));
  const [old] = runningOf(cluster, 'web');
  ask(cluster, 'bob', applyFor('web', 3, specOf('nginx:1.28')), 10_000);
  const [fresh] = runningOf(cluster, 'web');
  const before = await whyContainer(cluster, old!);
  assert.match(
    before.answer,
    /because bob requested 3 replicas of web from nginx:1\.28 \(generation 2\); web\.1-\w+ on worker-\d replaced it$/,
  );
  assert.is(before.replacedBy, fresh);
  const request = before.chain.find(({ actor }) => actor === 'person:bob')!;
  assert.equal(request.details, ['changed: image nginx:1.27 → nginx:1.28']);
  const after = await whyContainer(cluster, fresh!);
  assert.is(after.replaces, old);
  assert.match(after.chain.find(({ type }) => type === 'ContainerQueued')!.sentence, new RegExp(`in place of ${old},`));
});

test('a crash: exit code, last lines, how long it ran, and what replaced it', async () => {
  const cluster = startScene(2);
  ask(cluster, 'alice', applyFor('api', 1, specOf('api:3')), 20_000);
  const [id] = runningOf(cluster, 'api');
  exit(cluster, id!, 3, ['reading config', 'fatal: no config']);
  const why = await whyContainer(cluster, id!);
  assert.match(
    why.answer,
    /^api\.1-\w+ failed at .* after running for 1\d(\.\d)? s, because it exited by itself on worker-\d: exit code 3; api\.1-\w+ on worker-\d replaced it$/,
  );
  assert.equal(why.chain[0]!.details, ['log: reading config', 'log: fatal: no config']);
  const successor = await whyContainer(cluster, why.replacedBy!);
  assert.is(successor.replaces, id);
  assert.match(successor.answer, /, because api\.1-\w+ exited by itself on worker-\d: exit code 3;/);
  assert.is(pathOf(successor.chain).at(-1)!.actor, 'person:alice');
});

test('a crash loop: the delay is part of the chain, which is cut after some containers and says so', async () => {
  const cluster = startScene(2, { failingImage: 'bad' });
  ask(cluster, 'alice', applyFor('db', 1, specOf('bad')), 400_000);
  const ids = containersIn(cluster.events);
  assert.ok(ids.length > passedMax + 3);
  const why = await whyContainer(cluster, ids.at(-2)!);
  const delay = why.chain.find(({ type }) => type === 'RestartDelayed')!;
  assert.match(
    delay.sentence,
    /^db\.1 went down \d+ times in a row, the last time as db\.1-\w+: its next start waits [\d.]+ m?(s|in).*, until 00:\d\d:/,
  );
  const shown = new Set(why.chain.flatMap(({ sentence }) => sentence.match(/^db\.1-\w+/)?.[0] ?? []));
  assert.is(shown.size, passedMax + 1);
  assert.equal(why.left, { containers: ids.length - 2 - passedMax, isAtLeast: false });
  assert.is(why.chain.at(-1)!.sentence, 'alice requested 1 replica of db from bad (generation 1)');

  const service = await whyService(cluster, 'db');
  assert.match(
    service.answer,
    /^db is degraded: db\.1 failed \d+ times in a row: start error: .*; alice requested 1 replica of db from bad/,
  );
});

test('a paused rollout leads to the failure that paused it, and to who asked for the version', async () => {
  const cluster = startScene(3, { failingImage: 'bad' });
  ask(cluster, 'alice', applyFor('web', 4, specOf('good')), 20_000);
  ask(cluster, 'bob', applyFor('web', 4, specOf('bad')), 20_000);
  const why = await whyService(cluster, 'web');
  assert.match(
    why.answer,
    /^web is paused: the rollout of generation 2 is paused: 2 containers .*; bob requested 4 replicas/,
  );
  const sentences = why.chain.map(({ sentence }) => sentence).join('\n');
  assert.match(sentences, /paused the rollout of web/);
  assert.match(sentences, /web\.\d-\w+ could not be started on worker-\d/);
});

test('what is beyond the cut is counted up to a bound', async () => {
  const cluster = startScene(2, { failingImage: 'bad' });
  ask(cluster, 'alice', applyFor('db', 1, specOf('bad')), 60_000 * (countedMax + passedMax + 10));
  const last = containersIn(cluster.events).at(-1)!;
  const why = await whyContainer(cluster, last);
  assert.equal(why.left, { containers: countedMax, isAtLeast: true });
  assert.is(why.chain.at(-1)!.type, 'ServiceRequested');
});

test('a lost node: the chain ends at the loss and says when it was last heard', async () => {
  const cluster = startScene(3);
  ask(cluster, 'alice', applyFor('web', 3, specOf('nginx')));
  const id = runningOf(cluster, 'web').find((id) => cluster.view.containers.get(id)!.node === 'worker-2')!;
  cluster.crash('worker-2');
  cluster.advance(10_000);
  const lost = await whyContainer(cluster, id);
  assert.match(
    lost.answer,
    /, because worker-2 was lost: last heard at 00:00:0\d\.\d{3}, no heartbeat in the last 5(\.\d)? s; web\.\d-\w+ on worker-[13] replaced it$/,
  );
  const successor = await whyContainer(cluster, lost.replacedBy!);
  assert.equal(
    pathOf(successor.chain).map(({ type }) => type),
    ['ContainerRunning', 'ContainerStarting', 'ContainerQueued', 'ContainerFailed', 'NodeLost'],
  );
  assert.match(
    successor.answer,
    /because web\.\d-\w+ was lost with its node: worker-2 is not heard any more; .* \(1 ruled out\)$/,
  );
  assert.ok(successor.chain.some(({ details }) => details.includes('ruled out: worker-2, as the node is lost')));
});

test('a drain: the person who asked is named, also after the node came back in the middle of it', async () => {
  const cluster = startScene(2);
  ask(cluster, 'alice', applyFor('web', 2, specOf('nginx')));
  cluster.partition('worker-1');
  cluster.advance(1_000);
  ask(cluster, 'dora', { kind: 'node', node: 'worker-1', action: 'drain' }, 0);
  const moved = [...cluster.view.containers.values()].find(({ node }) => node === 'worker-1')!;
  cluster.advance(2_000);
  cluster.bringBack('worker-1');
  cluster.advance(10_000);
  const why = await whyContainer(cluster, moved.id);
  assert.match(
    why.answer,
    /because dora asked to drain worker-1: its containers move elsewhere; web\.\d-\w+ on worker-2 replaced it$/,
  );
  const successor = await whyContainer(cluster, why.replacedBy!);
  assert.is(pathOf(successor.chain).at(-1)!.actor, 'person:dora');
});

test('a host port that is taken: the service says so, and what made room is told later', async () => {
  const cluster = startScene(2);
  const port = specOf('proxy', { ports: [{ container: 80, host: 80, protocol: 'tcp' }] });
  ask(cluster, 'alice', applyFor('edge', 3, port));
  const blocked = await whyService(cluster, 'edge');
  assert.match(
    blocked.answer,
    /^edge is blocked: no node for 1 of 3 replicas: host port 80\/tcp is taken on the engine \(2 nodes\); alice requested 3 replicas/,
  );
  assert.ok(
    blocked.chain.some(
      ({ sentence }) =>
        sentence === 'no node could take edge.3: host port 80/tcp is taken on the engine (worker-1 and worker-2)',
    ),
  );
  cluster.addNode('worker-3');
  cluster.advance(5_000);
  const why = await whyContainer(cluster, runningOf(cluster, 'edge')[2]!);
  assert.equal(
    pathOf(why.chain).map(({ type }) => type),
    ['ContainerRunning', 'ContainerStarting', 'ContainerQueued', 'PlacementBlocked', 'ServiceRequested'],
  );
  assert.match(
    why.notes[0]!,
    /^edge\.3-\w+ waited at least 5 s for a node, probably until this made room: worker-3 joined with no container on a simulated engine, 8 GiB and 8 CPUs$/,
  );
});

test('a removed service is explained from the log alone, and so are its containers', async () => {
  const cluster = startScene(2);
  ask(cluster, 'alice', applyFor('web', 2, specOf('nginx')));
  const [id] = runningOf(cluster, 'web');
  ask(cluster, 'eve', { kind: 'remove', service: 'web' });
  // Past the hour that views keep what ended.
  cluster.advance(2_000);
  cluster.view.containers.clear();
  const service = await whyService(cluster, 'web');
  assert.match(
    service.answer,
    /^web was removed at .* UTC, because eve asked to remove web, and its last container was gone \d+ ms later$/,
  );
  assert.equal(typesOf(service.chain), ['ServiceRemoved', 'ServiceRemovalRequested']);
  assert.is(service.subject.status, 'removed');
  assert.match((await whyContainer(cluster, id!)).answer, /because eve asked to remove web$/);
});

test('a service that stands as asked names the last thing that moved', async () => {
  const cluster = startScene(2);
  ask(cluster, 'alice', applyFor('web', 1, specOf('nginx')));
  exit(cluster, runningOf(cluster, 'web')[0]!, 9, []);
  const why = await whyService(cluster, 'web');
  assert.match(
    why.answer,
    /^web is converged: 1 of 1 replica runs; alice requested 1 replica of web from nginx \(generation 1\) at .* UTC$/,
  );
  assert.ok(why.chain.some(({ type }) => type === 'ContainerFailed'));
});

test('while a hold stands its alarm is told beside the answer; a person who declares a node lost is named', async () => {
  const cluster = startScene(3);
  ask(cluster, 'alice', applyFor('web', 3, specOf('nginx')));
  const { id } = [...cluster.view.containers.values()].find(({ node }) => node === 'worker-1')!;
  cluster.crash('worker-1');
  cluster.crash('worker-2');
  cluster.advance(10_000);
  const { notes } = await whyService(cluster, 'web');
  assert.match(
    notes[0]!,
    /^the alarm "mass node loss" is active since 2026-01-01 00:00:\d\d\.\d{3} UTC: 2 of 3 nodes fell silent together/,
  );
  ask(cluster, 'dora', { kind: 'node', node: 'worker-1', action: 'lost' });
  const { answer } = await whyContainer(cluster, id);
  assert.match(
    answer,
    /because dora declared worker-1 lost: last heard at 00:00:0\d\.\d{3}; web\.\d-\w+ on worker-3 replaced it$/,
  );
});

test('what nobody knows is refused with a code', async () => {
  const cluster = startScene(1);
  const codeOf = (attempt: Promise<unknown>) =>
    attempt.then(
      () => 'none',
      (error: AppError) => error.code,
    );
  assert.is(await codeOf(whyContainer(cluster, 'web.1-zz')), 'container_not_found');
  assert.is(await codeOf(whyService(cluster, 'web')), 'service_not_found');
});

test('a job: why its container ran, and why the job failed', async () => {
  const cluster = startScene(2, { ends: () => ({ afterMs: 500, exitCode: 1 }) });
  const job = { ...jobPolicyDefault, maxAttempts: 2 };
  const spec = { service: 'batch', replicas: null, container: specOf('batch'), mode: 'job', job } as const;
  ask(cluster, 'alice', { kind: 'apply', specs: [spec] });
  cluster.advance(20_000);
  const why = await whyService(cluster, 'batch');
  assert.match(
    why.answer,
    /^batch is degraded: run 1 failed: batch\.1 failed 2 times, the last time: exited: .*; alice requested job batch from batch/,
  );
  assert.equal(typesOf(pathOf(why.chain)).slice(0, 3), ['JobFailed', 'ContainerFailed', 'ContainerRunning']);
  const [first] = containersIn(cluster.events);
  const path = pathOf((await whyContainer(cluster, first!)).chain);
  assert.equal(typesOf(path).slice(-3), ['ContainerQueued', 'JobDue', 'ServiceRequested']);
});

test.run();
