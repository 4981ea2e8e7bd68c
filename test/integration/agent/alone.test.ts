/** An agent that no manager can reach restarts what ends, within its bounds, and has it told afterwards. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decideRestart, type End } from '../../../src/agent/containers/restart-rule.ts';
import { restartsAloneMax } from '../../../src/bus/container-reports.ts';
import type { RestartRule } from '../../../src/bus/messages.ts';
import { restartPolicyDefault } from '../../../src/model/policy.ts';
import {
  type AgentScene,
  createAgentScene,
  kindsReported,
  nodeTimeoutMs,
  reported,
  untilReported,
} from '../../support/agent/agent-fixture.ts';
import { until } from '../../support/wait.ts';

const test = suite<{ scene: AgentScene }>('an agent alone');

const atOnce: RestartRule = { policy: { ...restartPolicyDefault, delaySeconds: 0 }, onDisconnect: 'lost' };

test.before.each((context) => {
  context.scene = createAgentScene();
});
test.after.each(({ scene }) => scene.close());

/** A container that runs, of a service that restarts by the rule. */
async function running({ manager }: AgentScene, rule: RestartRule | null = atOnce): Promise<string> {
  manager.restart = rule;
  await manager.sendWanted();
  const container = await manager.queue();
  await untilReported(manager, container, 'running');
  await until('it is heard', () => manager.heartbeats.length > 0);
  return container;
}

const states = async ({ engine }: AgentScene) =>
  Object.fromEntries((await engine.list()).map(({ container, state }) => [container, state]));

const untilState = (scene: AgentScene, container: string, state: string) =>
  until(`${container} is ${state}`, async () => (await states(scene))[container] === state);

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('what dies while the broker is away runs again, and the log takes both when it is back', async ({ scene }) => {
  const { machine, manager } = scene;
  await scene.startAgent();
  const container = await running(scene);
  scene.setBusAway(true);
  machine.kill(container, 1);
  await untilState(scene, `${container}.1`, 'running');
  assert.is((await states(scene))[container], 'exited', 'kept until the log has its end');
  assert.equal(kindsReported(manager, container), ['starting', 'running']);

  scene.setBusAway(false);
  await until('it is wanted', () => manager.wanted.get(`${container}.1`));
  const { runs } = await untilReported(manager, container, 'restarted');
  assert.equal(
    runs.map(({ container }) => container),
    [container, `${container}.1`],
  );
  assert.is(runs[0]!.end?.kind, 'failed');
  assert.ok(runs[1]!.running && runs[1]!.end === null);
  await until('the engine forgets the first', async () => !(container in (await states(scene))));
  assert.is((await states(scene))[`${container}.1`], 'running');
  assert.is(machine.starts(`${container}.1`), 1);
  assert.not.ok(kindsReported(manager, container).includes('failed'), 'one report for both');
});

test('a node that has just registered counts as heard', async ({ scene }) => {
  const { machine, manager } = scene;
  await scene.startAgent({ heartbeatMs: 60_000 });
  manager.restart = atOnce;
  const container = await manager.queue();
  await untilReported(manager, container, 'running');
  assert.is(manager.heartbeats.length, 0);
  scene.setBusAway(true);
  machine.kill(container, 1);
  await untilState(scene, `${container}.1`, 'running');
});

test('once the log has it, it speaks for itself', async ({ scene }) => {
  const { machine, manager } = scene;
  await scene.startAgent();
  const container = await running(scene);
  scene.setBusAway(true);
  machine.kill(container, 1);
  await untilState(scene, `${container}.1`, 'running');
  scene.setBusAway(false);
  await until('it is wanted', () => manager.wanted.get(`${container}.1`));
  await until('the engine forgets the first', async () => !(container in (await states(scene))));
  machine.kill(`${container}.1`, 1);
  await untilReported(manager, `${container}.1`, 'failed');
  await until('nothing is left', async () => Object.keys(await states(scene)).length === 0);
});

test('while a manager says that the log is away the broker may be there', async ({ scene }) => {
  const { machine, manager } = scene;
  await scene.startAgent();
  const container = await running(scene);
  await manager.sendAlone(2_000);
  await pause(50);
  machine.kill(container, 1);
  await untilState(scene, `${container}.1`, 'running');
  await until('it is wanted', () => manager.wanted.get(`${container}.1`));
  await until('the engine forgets the first', async () => !(container in (await states(scene))));
});

test('a lease that has run out restarts nothing', async ({ scene }) => {
  const { machine, manager } = scene;
  await scene.startAgent();
  const container = await running(scene);
  await manager.sendAlone(50);
  await pause(150);
  machine.kill(container, 1);
  await untilReported(manager, container, 'failed');
  assert.is(machine.starts(`${container}.1`), 0);
});

test('several ends are one report, in their order', async ({ scene }) => {
  const { machine, manager } = scene;
  await scene.startAgent();
  const container = await running(scene, { ...atOnce, onDisconnect: 'keep' });
  scene.setBusAway(true);
  for (const id of [container, `${container}.1`, `${container}.2`]) {
    await untilState(scene, id, 'running');
    machine.kill(id, 1);
  }
  await untilState(scene, `${container}.3`, 'running');
  scene.setBusAway(false);
  await until('the last is wanted', () => manager.wanted.get(`${container}.3`));
  assert.equal([...manager.wanted.keys()], [`${container}.3`]);
  await until('the engine forgets the others', async () => Object.keys(await states(scene)).length === 1);
});

test('no slot is restarted more often than the bound', async ({ scene }) => {
  const { machine } = scene;
  await scene.startAgent();
  const container = await running(scene, { ...atOnce, onDisconnect: 'keep' });
  scene.setBusAway(true);
  for (let ordinal = 0; ordinal <= restartsAloneMax; ordinal += 1) {
    const id = ordinal === 0 ? container : `${container}.${ordinal}`;
    await untilState(scene, id, 'running');
    machine.kill(id, 1);
  }
  await pause(100);
  assert.is(machine.starts(`${container}.${restartsAloneMax}`), 1);
  assert.is(machine.starts(`${container}.${restartsAloneMax + 1}`), 0);
});

test('past the node time-out nothing is restarted: it may run elsewhere', async ({ scene }) => {
  const { machine, manager } = scene;
  await scene.startAgent();
  const container = await running(scene);
  scene.setBusAway(true);
  await pause(nodeTimeoutMs + 100);
  machine.kill(container, 1);
  await pause(200);
  assert.is(machine.starts(`${container}.1`), 0);
  scene.setBusAway(false);
  await untilReported(manager, container, 'failed');
});

test('past the node time-out a service that says keep is restarted', async ({ scene }) => {
  const { machine } = scene;
  await scene.startAgent();
  const container = await running(scene, { ...atOnce, onDisconnect: 'keep' });
  scene.setBusAway(true);
  await pause(nodeTimeoutMs + 100);
  machine.kill(container, 1);
  await untilState(scene, `${container}.1`, 'running');
});

test('a rule that says nothing restarts nothing, nor does one whose attempts are used up', async ({ scene }) => {
  const { machine } = scene;
  await scene.startAgent();
  const none = await running(scene, null);
  scene.setBusAway(true);
  machine.kill(none, 1);
  await pause(200);
  assert.is(machine.starts(`${none}.1`), 0);
});

test('an end that waits for its restart is a manager to decide once one is there', async ({ scene }) => {
  const { machine, manager } = scene;
  await scene.startAgent();
  const policy = { ...restartPolicyDefault, delaySeconds: 60 };
  const container = await running(scene, { policy, onDisconnect: 'keep' });
  scene.setBusAway(true);
  machine.kill(container, 1);
  await untilState(scene, `${container}.1`, 'running');
  machine.kill(`${container}.1`, 1);
  await pause(100);
  scene.setBusAway(false);
  await untilReported(manager, `${container}.1`, 'failed');
  assert.is(machine.starts(`${container}.2`), 0);
});

test('what the log has asked to stop ends before it hears of the end', async ({ scene }) => {
  const { machine, manager } = scene;
  await scene.startAgent();
  const container = await running(scene);
  scene.setBusAway(true);
  machine.kill(container, 1);
  await untilState(scene, `${container}.1`, 'running');
  manager.wanted.get(container)!.state = 'stopping';
  scene.setBusAway(false);
  await untilReported(manager, container, 'failed');
  assert.not.ok((await states(scene))[`${container}.1`] === 'running');
  await until('nothing is left', async () => Object.keys(await states(scene)).length === 0);
  assert.equal([...manager.wanted.keys()], []);
});

test('what the log has ended is removed with what came in its place', async ({ scene }) => {
  const { machine, manager } = scene;
  await scene.startAgent();
  const container = await running(scene);
  scene.setBusAway(true);
  machine.kill(container, 1);
  await untilState(scene, `${container}.1`, 'running');
  manager.giveUpOn(container);
  scene.setBusAway(false);
  await until('nothing is left', async () => Object.keys(await states(scene)).length === 0);
  await untilReported(manager, `${container}.1`, 'stale-removed');
});

test('an agent that is restarted goes on with what the one before it restarted', async ({ scene }) => {
  const { machine, manager } = scene;
  const first = await scene.startAgent();
  const container = await running(scene);
  scene.setBusAway(true);
  machine.kill(container, 3);
  await untilState(scene, `${container}.1`, 'running');
  await first.close();
  scene.setBusAway(false);
  await scene.startAgent();
  await until('it is wanted', () => manager.wanted.get(`${container}.1`));
  const { runs } = reported(manager, container).find(({ kind }) => kind === 'restarted') as never as {
    runs: { end: { exitCode: number } }[];
  };
  assert.is(runs[0]!.end.exitCode, 3);
  assert.is(machine.starts(`${container}.1`), 1);
  await until('the engine forgets the first', async () => !(container in (await states(scene))));
});

test('an end that was reported before is not restarted', async ({ scene }) => {
  const { machine, manager } = scene;
  await scene.startAgent();
  const container = await running(scene, { ...atOnce, onDisconnect: 'keep' });
  manager.isAnswering = false;
  machine.kill(container, 1);
  await untilReported(manager, container, 'failed');
  scene.setBusAway(true);
  await pause(200);
  assert.is(machine.starts(`${container}.1`), 0);
});

test('a restart waits as a manager would have it wait', () => {
  const end: End = { kind: 'failed', causationId: null, reason: 'exited', message: '', exitCode: 1, logTail: [] };
  const done: End = { kind: 'completed', causationId: null, logTail: [] };
  const ended = { container: 'web.1-a', end, failures: 0, ranMs: 10 };
  const policy = restartPolicyDefault;
  assert.equal(decideRestart({ policy }, ended), { delayMs: 0, failures: 1 });
  assert.is(decideRestart({ policy }, { ...ended, failures: 3 })!.failures, 4);
  assert.ok(decideRestart({ policy }, { ...ended, failures: 3 })!.delayMs > 3_000);
  assert.is(decideRestart({ policy }, { ...ended, failures: 3, ranMs: 61_000 })!.delayMs, 0, 'it was stable');
  assert.is(decideRestart({ policy: { ...policy, maxAttempts: 3 } }, { ...ended, failures: 3 }), null);
  assert.is(decideRestart({ policy: { ...policy, condition: 'on-failure' } }, { ...ended, end: done }), null);
  assert.ok(decideRestart({ policy }, { ...ended, end: done }));
  assert.is(decideRestart({ policy }, { ...ended, end: { ...end, reason: 'start error' } }), null);
});

test.run();
