/** What every engine promises, as one suite that is run on each of them. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine, EngineContainer, EngineHint, RunRequest } from '../../src/agent/engine/engine.ts';
import { hasCode } from '../../src/errors.ts';
import type { EngineKind } from '../../src/model/node.ts';
import { spec, specHashOf } from '../support/log/history.ts';
import { until } from '../support/wait.ts';

const eager = { intervalSeconds: 1, timeoutSeconds: 1, retries: 1, startPeriodSeconds: 0 };

/** A machine of its own for one test. */
export type EngineUnderTest = {
  kind: EngineKind;
  /** The handle of a node; all see the same machine. */
  engine(node: string): Engine;
  /** An image that is there and whose process runs until it is stopped. */
  image: string;
  /** No registry has it. */
  missingImage: string;
  /** Writes to the output of a running container, as its program would. */
  print(container: string, text: string): Promise<void>;
  /** Ends the process by force, behind the engine's back. */
  kill(container: string): Promise<void>;
  close(): Promise<void>;
};

/** @param whyNot why this engine cannot be tested here, null when it can */
export function testEngineContract(name: string, open: () => Promise<EngineUnderTest>, whyNot: string | null = null) {
  const test = suite(`engine contract: ${name}`);

  const promise = (sentence: string, body: (machine: EngineUnderTest) => Promise<void>) => {
    if (whyNot !== null) return test.skip(sentence);
    return test(sentence, async () => {
      const machine = await open();
      try {
        await body(machine);
      } finally {
        await machine.close();
      }
    });
  };
  if (whyNot !== null) console.log(`skipped: ${whyNot}`);

  promise('it answers, and says what it is', async (machine) => {
    const engine = machine.engine('a');
    await engine.ping();
    const { kind, engineId, version, memoryBytes, cpuMillis } = await engine.describe();
    assert.is(kind, machine.kind);
    assert.ok(engineId && version);
    assert.ok(memoryBytes > 0 && cpuMillis > 0);
    assert.is((await machine.engine('b').describe()).engineId, engineId);
  });

  promise('what was started in place of another names it, and nothing else does', async (machine) => {
    const engine = machine.engine('a');
    const first = request(machine);
    await engine.create(first);
    await engine.create({ ...first, container: `${first.container}.1`, replaces: first.container });
    const found = await engine.list();
    assert.equal(
      found.map(({ container, replaces }) => [container, replaces]),
      [
        [first.container, null],
        [`${first.container}.1`, first.container],
      ],
    );
  });

  promise('created is not started', async (machine) => {
    const engine = machine.engine('a');
    const created = await engine.create(request(machine));
    assert.is(created.state, 'created');
    assert.is(created.startedAt, null);
    assert.equal(await stateOf(engine), 'created');
  });

  promise('started is running, with its time, its identity and its ports', async (machine) => {
    const engine = machine.engine('a');
    const requested = request(machine, { ports: [{ container: 80, host: null, protocol: 'tcp' }] });
    const { engineContainerId } = await engine.create(requested);
    const started = await engine.start(requested.container);
    assert.is(started.state, 'running');
    assert.is(started.engineContainerId, engineContainerId);
    assert.ok(Math.abs(Date.parse(started.startedAt!) - Date.now()) < 60_000);
    const [port] = started.ports;
    assert.is(port?.container, 80);
    assert.ok(port!.host > 1_024);
    const { service, slot, generation, specHash } = (await engine.inspect(requested.container))!;
    const { service: name, slot: place, generation: age, specHash: hash } = requested;
    assert.equal([service, slot, generation, specHash], [name, place, age, hash]);
  });

  promise('a start of what runs is success and no second start', async (machine) => {
    const engine = machine.engine('a');
    await run(engine, request(machine));
    const before = await engine.inspect('web.1-a');
    await engine.start('web.1-a');
    assert.is((await engine.inspect('web.1-a'))?.startedAt, before?.startedAt);
  });

  promise('a start of what is not there is refused', async (machine) => {
    assert.is(await codeOf(machine.engine('a').start('web.1-a')), 'container_start_failed');
  });

  promise('a create repeated adopts what is there, whatever became of it', async (machine) => {
    const engine = machine.engine('a');
    const { engineContainerId } = await engine.create(request(machine));
    assert.is((await engine.create(request(machine))).engineContainerId, engineContainerId);
    await engine.start('web.1-a');
    assert.is((await engine.create(request(machine))).state, 'running');
    await machine.kill('web.1-a');
    await until('its end', async () => (await stateOf(engine)) === 'exited');
    assert.is((await engine.create(request(machine))).state, 'exited');
  });

  promise('another handle of the node, as after a restart, finds everything again', async (machine) => {
    const { engineContainerId } = await run(machine.engine('a'), request(machine));
    const next = machine.engine('a');
    assert.is((await next.create(request(machine))).state, 'running');
    assert.equal(
      (await next.list()).map((found) => [found.container, found.engineContainerId, found.state]),
      [['web.1-a', engineContainerId, 'running']],
    );
  });

  promise('a name taken with another specification is refused', async (machine) => {
    const engine = machine.engine('a');
    await engine.create(request(machine));
    const changed = { ...request(machine), specHash: 'f'.repeat(16) };
    assert.is(await codeOf(engine.create(changed)), 'container_name_taken');
    assert.is(await codeOf(machine.engine('b').create(request(machine))), 'container_name_taken');
  });

  promise('an image that is not there is neither had, nor run, nor pulled', async (machine) => {
    const engine = machine.engine('a');
    const { missingImage: image } = machine;
    assert.is(await engine.findImage(image), null);
    assert.is((await engine.findImage(machine.image))?.digest, null);
    assert.ok((await engine.findImage(machine.image))?.reason);
    assert.is(await codeOf(engine.create(request(machine, { image }))), 'image_missing');
    const pulled = engine.pull(image, () => {}, new AbortController().signal);
    assert.is(await codeOf(pulled), 'image_pull_failed');
    assert.equal(await engine.list(), []);
  });

  promise('a stop ends it, and leaves it to be looked at', async (machine) => {
    const engine = machine.engine('a');
    await run(engine, request(machine));
    await engine.stop('web.1-a', 5);
    const found = await engine.inspect('web.1-a');
    assert.is(found?.state, 'exited');
    assert.is(found?.exitCode, 143);
    assert.is(found?.oomKilled, false);
  });

  promise('a stop of what is stopped, never started or not there is success', async (machine) => {
    const engine = machine.engine('a');
    await engine.stop('web.1-a', 1);
    await engine.create(request(machine));
    await engine.stop('web.1-a', 1);
    assert.is(await stateOf(engine), 'created');
    await engine.start('web.1-a');
    await engine.stop('web.1-a', 1);
    await engine.stop('web.1-a', 1);
  });

  promise('a removal takes it whatever its state, and is success when it is gone', async (machine) => {
    const engine = machine.engine('a');
    await run(engine, request(machine));
    await engine.remove('web.1-a');
    assert.is(await engine.inspect('web.1-a'), null);
    await engine.remove('web.1-a');
    assert.equal(await engine.list(), []);
  });

  promise('a list is ordered, and has what ended too', async (machine) => {
    const engine = machine.engine('a');
    await run(engine, request(machine, {}, 'web.2-b'));
    await run(engine, request(machine, {}, 'web.1-a'));
    await machine.kill('web.2-b');
    const isEnded = async () => (await engine.list()).some(({ state }) => state === 'exited');
    await until('its end', isEnded);
    assert.equal(
      (await engine.list()).map(({ container, state }) => [container, state]),
      [
        ['web.1-a', 'running'],
        ['web.2-b', 'exited'],
      ],
    );
  });

  promise('a node neither sees nor touches what another has', async (machine) => {
    const [engine, other] = [machine.engine('a'), machine.engine('b')];
    await run(engine, request(machine));
    assert.equal(await other.list(), []);
    assert.is(await other.inspect('web.1-a'), null);
    await other.stop('web.1-a', 1);
    await other.remove('web.1-a');
    assert.equal(await other.logTail('web.1-a', 5, (text) => text), []);
    assert.is(await stateOf(engine), 'running');
  });

  promise('there are no last lines of what never ran', async (machine) => {
    const engine = machine.engine('a');
    assert.equal(await engine.logTail('web.1-a', 5, (text) => text), []);
    await engine.create(request(machine));
    assert.equal(await engine.logTail('web.1-a', 5, (text) => text), []);
  });

  promise('the environment a container was created with can be read, by its own node only', async (machine) => {
    const [engine, other] = [machine.engine('a'), machine.engine('b')];
    const env = [
      { name: 'KEY', value: 'a=b' },
      { name: 'EMPTY', value: '' },
    ];
    await engine.create({ ...request(machine), env });
    const found = await engine.environment('web.1-a');
    for (const { name, value } of env) assert.is(found.find((one) => one.name === name)?.value, value);
    assert.equal(await other.environment('web.1-a'), []);
    assert.equal(await engine.environment('web.9-z'), []);
  });

  promise('hints begin with a loss, then tell of each end and each removal, to its node only', async (machine) => {
    const engine = machine.engine('a');
    const watching = new AbortController();
    const [hints, others]: EngineHint[][] = [[], []];
    engine.watch((hint) => hints!.push(hint), watching.signal);
    machine.engine('b').watch((hint) => others!.push(hint), watching.signal);
    await until('both streams', () => hints!.length === 1 && others!.length === 1);
    assert.equal(hints, [{ kind: 'lost' }]);
    await run(engine, request(machine));
    await machine.kill('web.1-a');
    await until('a hint of the end', () => hints!.length > 1);
    const before = hints!.length;
    await engine.remove('web.1-a');
    await until('a hint of the removal', () => hints!.length > before);
    assert.ok(hints!.slice(1).every((hint) => hint.kind === 'container' && hint.container === 'web.1-a'));
    assert.equal(others, [{ kind: 'lost' }]);
    watching.abort();
    const last = hints!.length;
    await run(engine, request(machine, {}, 'web.2-b'));
    await engine.remove('web.2-b');
    assert.is(hints!.length, last);
  });

  promise(
    'a command that succeeds makes a container healthy, which is hinted; without a check it has no health',
    async (machine) => {
      const engine = machine.engine('a');
      const hints: EngineHint[] = [];
      const ending = new AbortController();
      engine.watch((hint) => hints.push(hint), ending.signal);
      const { spec: plain, ...identity } = request(machine);
      const checked = { ...plain, health: { kind: 'command' as const, command: ['true'], ...eager } };
      await engine.create({ ...identity, spec: checked });
      const started = await engine.start(identity.container);
      assert.ok(started.health, 'it has a check from the start on');
      await until(
        'it is healthy',
        async () => (await engine.inspect(identity.container))?.health?.status === 'healthy',
      );
      await until('a hint', () => hints.some((hint) => hint.kind === 'container'));
      assert.is((await engine.list())[0]?.health?.status, 'healthy');
      ending.abort();
      const other = { ...request(machine), container: 'web.2-9' };
      await engine.create(other);
      assert.is((await engine.start(other.container)).health, null);
    },
  );

  test.run();
}

export function request(
  { image }: EngineUnderTest,
  members: Parameters<typeof spec>[0] = {},
  container = 'web.1-a',
): RunRequest {
  const requested = spec({ image, ...members });
  return {
    container,
    service: 'web',
    slot: 1,
    generation: 1,
    specHash: specHashOf(requested),
    spec: requested,
    image: requested.image,
    env: [],
  };
}

export async function run(engine: Engine, requested: RunRequest): Promise<EngineContainer> {
  await engine.create(requested);
  return engine.start(requested.container);
}

const stateOf = async (engine: Engine) => (await engine.inspect('web.1-a'))?.state;

const codeOf = (refused: Promise<unknown>): Promise<string> =>
  refused.then(
    () => 'none',
    (error: unknown) => {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (!hasCode(error, code)) throw error;
      return code;
    },
  );
