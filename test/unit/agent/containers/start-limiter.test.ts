import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createStartLimiter } from '../../../../src/agent/containers/start-limiter.ts';

const test = suite('parallel starts');

const never = new AbortController().signal;
const settle = () => new Promise(setImmediate);

test('so many at once, the others in order of their coming', async () => {
  const turns = createStartLimiter(2);
  const order: number[] = [];
  const giveBacks: (() => void)[] = [];
  for (const number of [1, 2, 3, 4]) {
    void turns.acquire(never).then((giveBack) => {
      order.push(number);
      giveBacks.push(giveBack);
    });
  }
  await settle();
  assert.equal(order, [1, 2]);
  giveBacks[1]!();
  await settle();
  assert.equal(order, [1, 2, 3]);
  giveBacks[0]!();
  await settle();
  assert.equal(order, [1, 2, 3, 4]);
});

test('a turn given back twice is one turn', async () => {
  const turns = createStartLimiter(1);
  const giveBack = await turns.acquire(never);
  giveBack();
  giveBack();
  await turns.acquire(never);
  let isTaken = false;
  void turns.acquire(never).then(() => {
    isTaken = true;
  });
  await settle();
  assert.not(isTaken);
});

test('whoever stops waiting frees its place in the line', async () => {
  const turns = createStartLimiter(1);
  const giveBack = await turns.acquire(never);
  const leaving = new AbortController();
  const left = turns.acquire(leaving.signal).catch((error: Error) => error.message);
  const next = turns.acquire(never);
  leaving.abort(new Error('left'));
  assert.is(await left, 'left');
  giveBack();
  (await next)();
});

test('a signal aborted before is refused at once', async () => {
  const turns = createStartLimiter(1);
  const refused = await turns.acquire(AbortSignal.abort(new Error('late'))).catch((error: Error) => error.message);
  assert.is(refused, 'late');
  (await turns.acquire(never))();
});

test.run();
