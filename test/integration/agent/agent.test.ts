/** The agent on the simulated engine and the embedded bus: what it does with containers, whatever comes in between. */

import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Agent } from '../../../src/agent/agent.ts';
import { createStartLimiter } from '../../../src/agent/containers/start-limiter.ts';
import { AppError } from '../../../src/errors.ts';
import {
  type AgentScene,
  createAgentScene,
  isEnding,
  kindsReported,
  type ManagerDouble,
  reported,
  untilReported,
} from '../../support/agent/agent-fixture.ts';
import { gateEngine } from '../../support/agent/gate-engine.ts';
import { spec } from '../../support/log/history.ts';
import { until } from '../../support/wait.ts';

const test = suite('agent');

const scenario = (sentence: string, body: (scene: AgentScene) => Promise<void>) =>
  test(sentence, async () => {
    const scene = createAgentScene();
    try {
      await body(scene);
    } finally {
      await scene.close();
    }
  });

const isGone = async ({ engine }: AgentScene, container: string) => (await engine.inspect(container)) === null;

/** The position of its ContainerQueued. */
const queuedAt = (container: string) => Number.parseInt(container.split('-')[1]!, 36);

scenario('a container starts, and is reported as starting, then running, echoing its cause', async (scene) => {
  const { manager, machine } = scene;
  await scene.startAgent();
  const container = await manager.queue();
  const cause = manager.wanted.get(container)!.causationId;
  const running = await untilReported(manager, container, 'running');
  assert.equal(kindsReported(manager, container), ['starting', 'running']);
  assert.is(running.causationId, cause);
  assert.is(running.session, manager.session());
  assert.is(machine.starts(container), 1);
});

scenario('many start at once, in order for each', async (scene) => {
  const { manager } = scene;
  await scene.startAgent();
  const containers = await Promise.all(Array.from({ length: 30 }, () => manager.queue()));
  for (const container of containers) await untilReported(manager, container, 'running');
  for (const container of containers) assert.equal(kindsReported(manager, container), ['starting', 'running']);
});

scenario('what ends by itself is reported with its last lines, and then removed', async (scene) => {
  const { manager, machine } = scene;
  await scene.startAgent();
  const container = await manager.queue();
  await untilReported(manager, container, 'running');
  machine.kill(container, 3);
  const failed = await untilReported(manager, container, 'failed');
  assert.is(failed.reason, 'exited');
  assert.is(failed.exitCode, 3);
  assert.is(failed.causationId, null);
  assert.equal(failed.logTail, ['simulated: no container runs']);
  await until('its removal', () => isGone(scene, container));
});

for (const [how, reason] of [
  ['killed', 'killed'],
  ['out of memory', 'oom'],
] as const) {
  scenario(`what is ${how} fails as ${reason}`, async (scene) => {
    const { manager, machine } = scene;
    await scene.startAgent();
    const container = await manager.queue();
    await untilReported(manager, container, 'running');
    machine.kill(container, 137, { oomKilled: how === 'out of memory' });
    assert.is((await untilReported(manager, container, 'failed')).reason, reason);
  });
}

const checked = spec({
  health: {
    kind: 'command',
    command: ['true'],
    intervalSeconds: 1,
    timeoutSeconds: 1,
    retries: 1,
    startPeriodSeconds: 0,
  },
});

scenario('the health of a container is reported when it changes, with the last output', async (scene) => {
  const { manager, machine } = scene;
  await scene.startAgent();
  const container = await manager.queue(checked);
  assert.is((await untilReported(manager, container, 'running')).isChecked, true);
  await untilReported(manager, container, 'healthy');
  machine.setHealth(container, { status: 'unhealthy', output: 'no answer' });
  assert.is((await untilReported(manager, container, 'unhealthy')).output, 'no answer');
  machine.setHealth(container, { status: 'unhealthy', output: 'no answer again' });
  machine.setHealth(container, { status: 'healthy', output: '' });
  await until('healthy again', () => kindsReported(manager, container).length === 5);
  assert.equal(kindsReported(manager, container), ['starting', 'running', 'healthy', 'unhealthy', 'healthy']);
});

scenario('an agent that takes over a container reports its health', async (scene) => {
  const { manager, machine } = scene;
  const agent = await scene.startAgent();
  const container = await manager.queue(checked);
  await untilReported(manager, container, 'healthy');
  await agent.close();
  machine.setHealth(container, { status: 'unhealthy', output: 'while nothing watched' });
  await scene.startAgent();
  assert.is((await untilReported(manager, container, 'unhealthy')).output, 'while nothing watched');
});

scenario('what the agent asks itself is healthy at the first answer, unhealthy without one', async (scene) => {
  const { manager } = scene;
  await scene.startAgent();
  const probe = {
    kind: 'tcp' as const,
    port: 80,
    intervalSeconds: 1,
    timeoutSeconds: 1,
    retries: 1,
    startPeriodSeconds: 0,
  };
  const good = await manager.queue({ health: probe });
  const bad = await manager.queue({ image: 'unhealthy/web', health: probe });
  await untilReported(manager, good, 'healthy');
  assert.is((await untilReported(manager, bad, 'unhealthy')).output, 'simulated: nothing was asked');
});

scenario('exit code 0 is a completion', async (scene) => {
  const { manager, machine } = scene;
  await scene.startAgent();
  const container = await manager.queue();
  await untilReported(manager, container, 'running');
  machine.kill(container, 0);
  await untilReported(manager, container, 'completed');
  await until('its removal', () => isGone(scene, container));
});

scenario('what vanishes behind our back is reported as killed', async (scene) => {
  const { manager, machine } = scene;
  await scene.startAgent();
  const container = await manager.queue();
  await untilReported(manager, container, 'running');
  machine.vanish(container);
  const failed = await untilReported(manager, container, 'failed');
  assert.is(failed.reason, 'killed');
  assert.match(failed.message, 'it was removed');
});

scenario('a missing image fails as image, in the words of the registry', async (scene) => {
  const { manager } = scene;
  await scene.startAgent();
  const container = await manager.queue({ image: 'missing/one' });
  const failed = await untilReported(manager, container, 'failed');
  assert.is(failed.reason, 'image');
  assert.match(failed.message, 'pull access denied');
});

scenario('a secret that cannot be read is a start error that names it', async (scene) => {
  const { manager, machine } = scene;
  await scene.startAgent();
  const container = await manager.queue({ env: [{ name: 'KEY', secret: 'api-key' }] });
  const failed = await untilReported(manager, container, 'failed');
  assert.is(failed.reason, 'start error');
  assert.match(failed.message, 'api-key');
  assert.is(machine.starts(container), 0);
});

scenario('a secret that a program prints is masked, also by an agent that did not start it', async (scene) => {
  const { manager, machine } = scene;
  const secretsDir = await mkdtemp(join(tmpdir(), 'co-secrets-'));
  try {
    await writeFile(join(secretsDir, 'api-key'), 'hunter2-hunter2\n');
    const first = await scene.startAgent({ secretsDir });
    const container = await manager.queue({ env: [{ name: 'KEY', secret: 'api-key' }] });
    await untilReported(manager, container, 'running');
    await first.close();
    await writeFile(join(secretsDir, 'api-key'), 'another by now\n');
    await scene.startAgent({ secretsDir });
    const base64 = Buffer.from('user:hunter2-hunter2').toString('base64');
    // The cut of the last lines falls inside the second one.
    const printed = `cannot log in as ${base64}\n${'hunter2-hunter2 '.repeat(300)}\nbye`;
    machine.kill(container, 1, { printed });
    const { logTail } = await untilReported(manager, container, 'failed');
    assert.is(logTail.at(-1), 'bye');
    assert.match(String(logTail.at(-2)), /\[secret api-key\] \[secret api-key\]/);
    assert.not.match(JSON.stringify(manager.reports), /hunter2|nter2|aHVudGVyMi/);
  } finally {
    await rm(secretsDir, { recursive: true });
  }
});

scenario('a secret whose file is a pipe fails at once, and the agent goes on and stops', async (scene) => {
  const { manager } = scene;
  const secretsDir = await mkdtemp(join(tmpdir(), 'co-secrets-'));
  try {
    await promisify(execFile)('mkfifo', [join(secretsDir, 'api-key')]);
    await scene.startAgent({ secretsDir });
    const containers = await Promise.all(
      Array.from({ length: 8 }, () => manager.queue({ env: [{ name: 'KEY', secret: 'api-key' }] })),
    );
    for (const container of containers) {
      const failed = await untilReported(manager, container, 'failed');
      assert.is(failed.reason, 'start error');
      assert.match(failed.message, /"api-key" is not a file/);
    }
    await untilReported(manager, await manager.queue(), 'running');
  } finally {
    await rm(secretsDir, { recursive: true });
  }
});

scenario('a stop is reported with its exit code and its own cause, and the container removed', async (scene) => {
  const { manager } = scene;
  await scene.startAgent();
  const container = await manager.queue();
  await untilReported(manager, container, 'running');
  await manager.requestStop(container);
  const stopped = await untilReported(manager, container, 'stopped');
  assert.is(stopped.exitCode, 143);
  assert.match(stopped.causationId!, /^fact-/);
  await until('its removal', () => isGone(scene, container));
});

scenario('nothing is removed from the engine before the bus has its end', async (scene) => {
  const { manager, machine, engine } = scene;
  await scene.startAgent();
  const container = await manager.queue();
  await untilReported(manager, container, 'running');
  const other = await manager.queue();
  await untilReported(manager, other, 'running');
  scene.setBusAway(true);
  machine.kill(container, 1);
  await scene.engine.stop(other, 1);
  await until('both ended', async () => (await engine.list()).every(({ state }) => state === 'exited'));
  assert.is((await engine.list()).length, 2);
  scene.setBusAway(false);
  await untilReported(manager, container, 'failed');
  await until('their removal', async () => (await engine.list()).length === 0);
});

for (const operation of ['create', 'start'] as const) {
  scenario(`a stop during ${operation} wins: reported as stopped, nothing left`, async (scene) => {
    const { manager, machine } = scene;
    const gate = gateEngine(scene.openEngine(), operation);
    await scene.startAgent({ engine: gate.engine });
    const container = await manager.queue();
    await until('the call', () => gate.reached() === 1);
    await manager.requestStop(container);
    gate.open();
    await untilReported(manager, container, 'stopped');
    assert.equal(kindsReported(manager, container), ['starting', 'stopped']);
    assert.is(machine.starts(container), operation === 'start' ? 1 : 0);
    await until('its removal', () => isGone(scene, container));
  });
}

scenario('a stop calls off a pull', async (scene) => {
  const { manager, machine } = scene;
  const engine = scene.openEngine();
  let isCalledOff = false;
  const pull = (_image: string, _onProgress: unknown, signal: AbortSignal) =>
    new Promise<void>((_, reject) => {
      signal.addEventListener('abort', () => {
        isCalledOff = true;
        reject(new Error('called off'));
      });
    });
  await scene.startAgent({ engine: { ...engine, pull } });
  const container = await manager.queue({ image: 'missing/slow' });
  await untilReported(manager, container, 'starting');
  await manager.requestStop(container);
  const stopped = await untilReported(manager, container, 'stopped');
  assert.is(stopped.exitCode, null);
  assert.ok(isCalledOff);
  assert.is(machine.starts(container), 0);
});

scenario('a command of another session, or repeated, is dropped', async (scene) => {
  const { manager, machine } = scene;
  await scene.startAgent();
  const container = await manager.queue();
  await untilReported(manager, container, 'running');
  const { session, position } = manager;
  await manager.sendStop(container, { session: session() - 1 });
  await manager.sendStop(container, { session: session() + 1 });
  await manager.sendStop(container, { position: session() });
  await manager.sendStop(container, { position: queuedAt(container) });
  await manager.sendStart(container, {});
  const later = await manager.queue();
  await untilReported(manager, later, 'running');
  assert.equal(kindsReported(manager, container), ['starting', 'running']);
  assert.is(machine.starts(container), 1);
  assert.ok(position() > session());
});

scenario('a start that arrives after the container ended starts nothing', async (scene) => {
  const { manager, machine } = scene;
  await scene.startAgent();
  const container = await manager.queue();
  const command = structuredClone(manager.wanted.get(container)!);
  await untilReported(manager, container, 'running');
  machine.kill(container, 1);
  await until('its removal', () => isGone(scene, container));
  manager.wanted.set(container, command);
  await manager.sendStart(container, { position: manager.position() + 1 });
  await manager.sendWanted();
  const later = await manager.queue();
  await untilReported(manager, later, 'running');
  assert.is(machine.starts(container), 1);
  const ends = reported(manager, container).filter(isEnding);
  assert.ok(ends.length > 1, 'its end is reported again to a log that still wants it');
  assert.is(new Set(ends.map(({ kind }) => kind)).size, 1);
});

scenario('an engine that goes away in the middle of a start comes back to one start', async (scene) => {
  const { manager, machine } = scene;
  const gate = gateEngine(scene.openEngine(), 'start');
  await scene.startAgent({ engine: gate.engine });
  const container = await manager.queue();
  await until('the call', () => gate.reached() === 1);
  machine.setAway(true);
  gate.open();
  const waiting = await manager.queue();
  await untilReported(manager, waiting, 'starting');
  machine.setAway(false);
  await untilReported(manager, container, 'running');
  await untilReported(manager, waiting, 'running');
  assert.is(machine.starts(container), 1);
  assert.is(machine.starts(waiting), 1);
});

scenario('a start whose answer was lost is not repeated when the container ended meanwhile', async (scene) => {
  const { manager, machine } = scene;
  const engine = scene.openEngine();
  const start = async (container: string) => {
    await engine.start(container);
    machine.kill(container, 6);
    throw new AppError('engine_unavailable', 'the answer was lost', { retryable: true });
  };
  await scene.startAgent({ engine: { ...engine, start } });
  const container = await manager.queue();
  assert.is((await untilReported(manager, container, 'failed')).exitCode, 6);
  assert.equal(kindsReported(manager, container), ['starting', 'failed']);
  assert.is(machine.starts(container), 1);
});

scenario('a start from before the wanted set is dropped, though nobody knows the container', async (scene) => {
  const { manager, machine } = scene;
  await scene.startAgent();
  const container = await manager.queue({}, { isSent: false });
  const command = manager.wanted.get(container)!;
  manager.giveUpOn(container);
  await manager.sendWanted();
  manager.wanted.set(container, command);
  await manager.sendStart(container, { position: queuedAt(container) });
  const later = await manager.queue();
  await untilReported(manager, later, 'running');
  assert.is(machine.starts(container), 0);
  assert.equal(kindsReported(manager, container), []);
});

scenario('a stop while the engine is away is done when it is back', async (scene) => {
  const { manager, machine } = scene;
  await scene.startAgent();
  const container = await manager.queue();
  await untilReported(manager, container, 'running');
  machine.setAway(true);
  await manager.requestStop(container);
  const queued = await manager.queue();
  await untilReported(manager, queued, 'starting');
  await manager.requestStop(queued);
  machine.setAway(false);
  await untilReported(manager, container, 'stopped');
  await untilReported(manager, queued, 'stopped');
  assert.is(machine.starts(queued), 0);
});

scenario('what ended while the engine was away is found when it is back', async (scene) => {
  const { manager, machine } = scene;
  await scene.startAgent();
  const container = await manager.queue();
  const survivor = await manager.queue();
  await untilReported(manager, container, 'running');
  await untilReported(manager, survivor, 'running');
  machine.setAway(true);
  machine.kill(container, 137);
  machine.setAway(false);
  await untilReported(manager, container, 'failed');
  assert.equal(kindsReported(manager, survivor), ['starting', 'running']);
});

const engineReports = ({ reports }: ManagerDouble) =>
  reports.filter(({ kind }) => kind === 'engine-lost' || kind === 'engine-returned');

scenario('while the engine is away the node stays in contact and says so, until it is given up', async (scene) => {
  const { manager, machine } = scene;
  const agent = await scene.startAgent({ engineTimeoutMs: 7_000 });
  const container = await manager.queue();
  await untilReported(manager, container, 'running');
  const first = manager.session();
  machine.setAway(true);
  const beats = manager.heartbeats.length;
  await until('beats without an engine', () => manager.heartbeats.length > beats + 3);
  const [lost] = await until('the report', () => (engineReports(manager).length > 0 ? engineReports(manager) : null));
  assert.ok(lost?.kind === 'engine-lost');
  assert.equal([lost.session, lost.timeoutMs], [first, 7_000]);
  assert.match(lost.message, /away/);
  await giveUpNode(manager, agent);
  manager.giveUpOn(container);
  machine.setAway(false);
  await until('a new session', () => (agent.session() ?? 0) > first);
  await untilReported(manager, container, 'stale-removed');
  assert.ok(await isGone(scene, container));
  assert.is(engineReports(manager).length, 1, 'a registration says by itself that the engine answers');
});

/** As managers do that count the node as lost: they ask each time they hear it. */
async function giveUpNode(manager: ManagerDouble, agent: Agent): Promise<void> {
  await until('the session to be given up', async () => {
    await manager.sendResync();
    return agent.session() === null;
  });
}

scenario('an engine that answers again keeps the session, and what it runs', async (scene) => {
  const { manager, machine } = scene;
  const agent = await scene.startAgent();
  const container = await manager.queue();
  await untilReported(manager, container, 'running');
  const first = agent.session();
  machine.setAway(true);
  await until('the report', () => engineReports(manager).length === 1);
  machine.setAway(false);
  await until('the second', () => engineReports(manager).length === 2);
  assert.equal(
    engineReports(manager).map(({ kind }) => kind),
    ['engine-lost', 'engine-returned'],
  );
  assert.equal([agent.session(), kindsReported(manager, container)], [first, ['starting', 'running']]);
});

scenario('what was to start when the session was given up starts only if the next wanted set has it', async (scene) => {
  const { manager, machine } = scene;
  const agent = await scene.startAgent();
  machine.setAway(true);
  const [kept, replaced] = [await manager.queue(), await manager.queue()];
  await untilReported(manager, replaced, 'starting');
  await giveUpNode(manager, agent);
  manager.giveUpOn(replaced);
  machine.setAway(false);
  await untilReported(manager, kept, 'running');
  assert.equal([machine.starts(kept), machine.starts(replaced)], [1, 0]);
});

scenario('a hint that was lost is made up for by the next look at everything', async (scene) => {
  const { manager, machine } = scene;
  const engine = scene.openEngine();
  await scene.startAgent({ engine: { ...engine, watch: () => {} }, resyncMs: 50 });
  const container = await manager.queue();
  await untilReported(manager, container, 'running');
  machine.kill(container, 9);
  await untilReported(manager, container, 'failed');
});

scenario('closing leaves containers running; the next agent adopts them without a start', async (scene) => {
  const { manager, machine, engine } = scene;
  const first = await scene.startAgent();
  const containers = await Promise.all([manager.queue(), manager.queue()]);
  for (const container of containers) await untilReported(manager, container, 'running');
  const startedMs = performance.now();
  await first.close();
  assert.ok(performance.now() - startedMs < 3_000);
  assert.equal(
    (await engine.list()).map(({ state }) => state),
    ['running', 'running'],
  );
  await scene.startAgent();
  const last = manager.reports.findLast((report) => report.kind === 'register')!;
  assert.is(last.kind === 'register' && last.inventory.length, 2);
  machine.kill(containers[0]!, 5);
  await untilReported(manager, containers[0]!, 'failed');
  for (const container of containers) assert.is(machine.starts(container), 1);
});

scenario('what ended while no agent was there is reported by the next one', async (scene) => {
  const { manager, machine } = scene;
  const first = await scene.startAgent();
  const [ended, vanished] = [await manager.queue(), await manager.queue()];
  for (const container of [ended, vanished]) await untilReported(manager, container, 'running');
  await first.close();
  machine.kill(ended, 4);
  machine.vanish(vanished);
  await scene.startAgent();
  assert.is((await untilReported(manager, ended, 'failed')).exitCode, 4);
  assert.is((await untilReported(manager, vanished, 'failed')).reason, 'killed');
  assert.is(machine.starts(vanished), 1);
});

test('closing finishes the start under way and begins no other', async () => {
  const scene = createAgentScene({ parallelStarts: createStartLimiter(1) });
  try {
    const { manager, machine } = scene;
    const gate = gateEngine(scene.openEngine(), 'create');
    const agent = await scene.startAgent({ engine: gate.engine });
    const [begun, waiting] = [await manager.queue(), await manager.queue()];
    await untilReported(manager, waiting, 'starting');
    await until('the first create', () => gate.reached() === 1);
    const closed = agent.close();
    gate.open();
    await closed;
    await untilReported(manager, begun, 'running');
    await scene.startAgent();
    const failed = await untilReported(manager, waiting, 'failed');
    assert.is(failed.reason, 'start error');
    assert.match(failed.message, 'restarted');
    assert.equal([machine.starts(begun), machine.starts(waiting)], [1, 0]);
  } finally {
    await scene.close();
  }
});

scenario('what the log does not want is removed before anything starts, and reported as stale', async (scene) => {
  const { manager, machine } = scene;
  const first = await scene.startAgent();
  const container = await manager.queue();
  await untilReported(manager, container, 'running');
  await first.close();
  manager.giveUpOn(container);
  const next = await manager.queue({}, { isSent: false });
  const gate = gateEngine(scene.openEngine(), 'remove');
  await scene.startAgent({ engine: gate.engine });
  await untilReported(manager, next, 'starting');
  await until('the removal', () => gate.reached() === 1);
  const beats = manager.heartbeats.length;
  await until('time for a start', () => manager.heartbeats.length > beats + 3);
  assert.is(machine.starts(next), 0);
  gate.open();
  await untilReported(manager, container, 'stale-removed');
  await untilReported(manager, next, 'running');
  assert.ok(await isGone(scene, container));
});

scenario('a container of ours that nobody knows is left alone until a wanted set comes', async (scene) => {
  const { manager, machine, engine } = scene;
  await scene.startAgent({ resyncMs: 20 });
  const known = await manager.queue();
  await untilReported(manager, known, 'running');
  const { state: _, causationId: __, ...run } = manager.wanted.get(known)!;
  await engine.create({ ...run, container: 'web.9-zz', env: [], spec: spec(), image: spec().image });
  await engine.start('web.9-zz');
  const beats = manager.heartbeats.length;
  await until('several looks', () => manager.heartbeats.length > beats + 5);
  assert.is((await engine.inspect('web.9-zz'))?.state, 'running');
  await manager.sendWanted();
  await untilReported(manager, 'web.9-zz', 'stale-removed');
  assert.is(machine.starts(known), 1);
  assert.equal(kindsReported(manager, known), ['starting', 'running', 'running']);
});

scenario('a removal is done and reported; one of nothing is not reported', async (scene) => {
  const { manager } = scene;
  await scene.startAgent();
  const container = await manager.queue();
  await untilReported(manager, container, 'running');
  manager.giveUpOn(container);
  await manager.sendRemove('web.7-none');
  await manager.sendRemove(container);
  const stale = await untilReported(manager, container, 'stale-removed');
  assert.is(stale.causationId, null);
  assert.equal(kindsReported(manager, 'web.7-none'), []);
});

scenario('a registration without an answer is repeated under its id; the highest session counts', async (scene) => {
  const { manager } = scene;
  manager.isAnswering = false;
  const agent = await scene.startAgent({ isAwaited: false });
  await until('the first', () => manager.reports.length === 1);
  assert.is(agent.session(), null);
  assert.is(manager.heartbeats.length, 0);
  manager.isAnswering = true;
  await manager.sendWanted();
  await until('a session', () => agent.session());
  const ids = manager.reports.flatMap((report) => (report.kind === 'register' ? report.registrationId : []));
  assert.is(ids.length, 2, 'a new leader’s word hurries it');
  assert.is(new Set(ids).size, 1);
  assert.is(agent.session(), manager.session());
});

scenario('an agent without a session believes no wanted set but the answer to its own registration', async (scene) => {
  const { manager, machine } = scene;
  manager.isAnswering = false;
  const container = await manager.queue({}, { isSent: false });
  await scene.startAgent({ isAwaited: false });
  await until('the registration', () => manager.reports.length === 1);
  await manager.sendWanted('99999999-9999-4999-8999-999999999999');
  await manager.sendWanted(null);
  await until('its repetition', () => manager.reports.length === 2);
  assert.is(machine.starts(container), 0);
});

scenario('a resync is answered with a new registration', async (scene) => {
  const { manager } = scene;
  const agent = await scene.startAgent();
  const first = agent.session()!;
  await until('another session', async () => {
    await manager.sendResync();
    return agent.session()! > first;
  });
  const ids = manager.reports.flatMap((report) => (report.kind === 'register' ? report.registrationId : []));
  assert.is(new Set(ids).size, ids.length);
});

const registrationsOf = ({ manager }: AgentScene) => manager.reports.filter((report) => report.kind === 'register');

scenario('what is for another instance of the node is none of its business', async (scene) => {
  const { manager } = scene;
  await scene.startAgent();
  // For longer than a resync is put off after an answer.
  const untilMs = performance.now() + 2_000;
  await until('them to be sent', async () => {
    for (const send of [manager.sendResync, manager.sendChallenge]) await send(randomUUID());
    return performance.now() > untilMs;
  });
  const container = await manager.queue();
  await untilReported(manager, container, 'running');
  assert.is(registrationsOf(scene).length, 1);
});

scenario('an agent that reads its own challenge registers again at once, and says so once', async (scene) => {
  const { manager } = scene;
  manager.isAnswering = false;
  await scene.startAgent({ isAwaited: false });
  const first = await until('the registration', () => registrationsOf(scene)[0]);
  assert.is(first.readsQueue, undefined);
  const askedMs = performance.now();
  await manager.sendChallenge(first.instance!.id);
  const second = await until('another', () => registrationsOf(scene)[1]);
  assert.ok(performance.now() - askedMs < 1_000);
  assert.equal(
    [second.readsQueue, second.registrationId, second.instance],
    [true, first.registrationId, first.instance],
  );
  const third = await until('its repetition', () => registrationsOf(scene)[2]);
  assert.is(third.readsQueue, undefined);
});

scenario('a refused agent gives up its session and the commands, until it is answered', async (scene) => {
  const { manager } = scene;
  const agent = await scene.startAgent();
  manager.isAnswering = false;
  const unanswered = await until('a registration without an answer', async () => {
    await manager.sendResync();
    return registrationsOf(scene)[1];
  });
  await until('to be reported', async () => {
    await manager.sendRefusal(unanswered);
    return agent.holder();
  });
  assert.equal([agent.session(), agent.holder()?.hostname], [null, 'elsewhere']);
  const container = await manager.queue();
  assert.equal(kindsReported(manager, container), []);
  manager.isAnswering = true;
  await until('it to have the node', () => agent.session() !== null);
  assert.is(agent.holder(), null);
  await untilReported(manager, container, 'running');
});

scenario('a registration on its way answers every resync', async (scene) => {
  const { manager } = scene;
  manager.isAnswering = false;
  await scene.startAgent({ isAwaited: false });
  await until('the registration', () => manager.reports.length === 1);
  for (let asked = 0; asked < 3; asked += 1) await manager.sendResync();
  await manager.sendWanted();
  await until('its repetition', () => manager.reports.length === 2);
  const ids = manager.reports.map((report) => report.kind === 'register' && report.registrationId);
  assert.is(new Set(ids).size, 1);
});

scenario('beats count up within a session and begin again in the next', async (scene) => {
  const { manager } = scene;
  await scene.startAgent();
  const container = await manager.queue();
  await untilReported(manager, container, 'running');
  await until('beats', () => manager.heartbeats.filter(({ containers }) => containers === 1).length > 3);
  const sequences = manager.heartbeats.map(({ sequence }) => sequence);
  assert.equal(
    sequences,
    sequences.map((_, index) => index + 1),
  );
  assert.ok(manager.heartbeats.every(({ session }) => session === manager.session()));
});

test.run();
