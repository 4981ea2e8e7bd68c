/** What `./bootstrap/node` does to the workers of an `up`, one thing after the other, and what it says. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createNodeSwitch } from '../../../../../bootstrap/cluster/node-control/switch.ts';
import { AppError } from '../../../../../src/errors.ts';

const test = suite('node control: the switch');

/** `held`: what `bringBack` waits for. */
function scene({ held = Promise.resolve(), killed = 2 as number | null } = {}) {
  const done: string[] = [];
  const said: string[] = [];
  const ask = createNodeSwitch({
    nodes: ['worker-1', 'worker-2'],
    agents: {
      async cutOff(node) {
        done.push(`cut off ${node}`);
      },
      async bringBack(node) {
        await held;
        done.push(`brought back ${node}`);
      },
    },
    killContainers:
      killed === null
        ? null
        : async (node) => {
            done.push(`killed those of ${node}`);
            return killed;
          },
    print: (line) => said.push(line),
  });
  const down = (node: string, killContainers = false) => ask({ command: 'down', node, killContainers });
  const back = (node: string) => ask({ command: 'back', node });
  const list = () => ask({ command: 'list' });
  return { ask, down, back, list, done, said };
}

const refusalOf = (asked: Promise<unknown>) =>
  asked.then(
    () => assert.unreachable('it was not refused'),
    ({ code, message }: AppError) => `${code}: ${message}`,
  );

test('a worker goes down and comes back, and the terminal of up hears of it', async () => {
  const { down, back, list, done, said } = scene();
  assert.equal(await list(), ['worker-1  up', 'worker-2  up']);
  const [downLine] = await down('worker-2');
  assert.match(downLine ?? '', /^worker-2 is down: .* containers run on/);
  assert.equal(await list(), ['worker-1  up', 'worker-2  down']);
  const [backLine] = await back('worker-2');
  assert.is(backLine, 'worker-2 is back and ready');
  assert.equal(await list(), ['worker-1  up', 'worker-2  up']);
  assert.equal(done, ['cut off worker-2', 'brought back worker-2']);
  assert.equal(said, [downLine, backLine]);
});

test('what is so already is said and not done again', async () => {
  const { down, back, done } = scene();
  assert.equal(await back('worker-1'), ['worker-1 is not down']);
  await down('worker-1');
  assert.equal(await down('worker-1'), ['worker-1 is down already']);
  assert.equal(done, ['cut off worker-1']);
});

test('a loss of power ends the containers once the agent is gone, also of a worker that was down before', async () => {
  const { down, done } = scene();
  assert.match((await down('worker-1', true))[0] ?? '', /2 of its containers were killed/);
  await down('worker-2');
  await down('worker-2', true);
  assert.equal(done.slice(0, 2), ['cut off worker-1', 'killed those of worker-1']);
  assert.is(done.at(-1), 'killed those of worker-2');
  assert.match((await scene({ killed: null }).down('worker-1', true))[0] ?? '', /simulated, there was nothing to kill/);
});

test('a worker it does not have is refused with those it has, and so is what is no request', async () => {
  const { ask, down, back, done } = scene();
  const refusal = 'config_invalid: the `up` on this data has no worker "worker-9": its workers are worker-1, worker-2';
  assert.is(await refusalOf(down('worker-9')), refusal);
  assert.is(await refusalOf(back('worker-9')), refusal);
  for (const wrong of [null, 'list', { command: 'down', node: 'worker-1' }, { command: 'up' }]) {
    assert.is(await refusalOf(ask(wrong)), 'config_invalid: no such request');
  }
  assert.equal(done, []);
});

test('changes wait for each other in the order they came, a list waits for none', async () => {
  const held = Promise.withResolvers<void>();
  const { down, back, list, done } = scene({ held: held.promise });
  await down('worker-1');
  const returning = back('worker-1');
  const leaving = down('worker-1');
  assert.equal(await list(), ['worker-1  down', 'worker-2  up']);
  held.resolve();
  await Promise.all([returning, leaving]);
  assert.equal(done, ['cut off worker-1', 'brought back worker-1', 'cut off worker-1']);
});

test('one that is not ready in time is back and goes on trying; one that cannot start stays down', async () => {
  const late = new AppError('agents_not_ready', 'not ready after 30 s: worker-1');
  const slow = scene({ held: Promise.reject(late) });
  await slow.down('worker-1');
  assert.equal(await slow.back('worker-1'), [
    'worker-1 is back, but not ready after 30 s: worker-1; it goes on trying',
  ]);
  assert.is((await slow.list())[0], 'worker-1  up');
  const broken = scene({ held: Promise.reject(new AppError('process_failed', 'it ended with code 1')) });
  await broken.down('worker-1');
  assert.is(await refusalOf(broken.back('worker-1')), 'process_failed: it ended with code 1');
  assert.is((await broken.list())[0], 'worker-1  down');
  assert.equal(await broken.down('worker-1'), ['worker-1 is down already']);
});

test.run();
