/** Semaphore, mutex, notifier, credit and yielder: order, bounds, aborts, and what a failure leaves behind. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createCredit } from '../../../src/concurrency/credit.ts';
import { createMutex } from '../../../src/concurrency/mutex.ts';
import { createNotifier } from '../../../src/concurrency/notifier.ts';
import { createSemaphore } from '../../../src/concurrency/semaphore.ts';
import { unlessAborted } from '../../../src/concurrency/unless-aborted.ts';
import { createYielder } from '../../../src/concurrency/yielder.ts';

const test = suite('concurrency');
const rejection = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: Error) => error.message,
  );

test('semaphore: so many at once, so many wait, the next is refused, and none is lost', async () => {
  const semaphore = createSemaphore({ permits: 2, waitingMax: 1, onFull: () => new Error('full') });
  const releases = [await semaphore.acquire(), await semaphore.acquire()];
  const third = semaphore.acquire();
  assert.is(await rejection(semaphore.acquire()), 'full');
  releases[0]!();
  releases[0]!();
  const release = await third;
  const fourth = semaphore.acquire();
  assert.is(await rejection(semaphore.acquire()), 'full', 'a permit released twice is one permit');
  release();
  (await fourth)();
});

test('semaphore: an aborted wait leaves its place to the next', async () => {
  const semaphore = createSemaphore({ permits: 1 });
  const release = await semaphore.acquire();
  const leaving = new AbortController();
  const aborted = semaphore.acquire(leaving.signal);
  const next = semaphore.acquire();
  leaving.abort(new Error('gave up'));
  assert.is(await rejection(aborted), 'gave up');
  assert.is(await rejection(semaphore.acquire(leaving.signal)), 'gave up', 'aborted before it asked');
  release();
  (await next)();
});

test('semaphore: a task that throws releases its permit', async () => {
  const semaphore = createSemaphore({ permits: 1 });
  assert.is(await rejection(semaphore.run(() => Promise.reject(new Error('no')))), 'no');
  assert.is(await semaphore.run(async () => 7), 7);
});

test('credit: any of it is enough, what is beyond waits for more, and a wait ends with the signal', async () => {
  const over = new AbortController();
  const credit = createCredit(10, over.signal);
  await credit.take(15);
  let isTaken = false;
  const taken = credit.take(1).then(() => {
    isTaken = true;
  });
  credit.add(5);
  await new Promise(setImmediate);
  assert.is(isTaken, false, 'what was overdrawn is paid first');
  credit.add(1);
  await taken;
  const waiting = rejection(credit.take(1));
  over.abort(new Error('gone'));
  assert.is(await waiting, 'gone');
  credit.add(1);
  assert.is(await rejection(credit.take(1)), 'gone');
});

test('mutex: one after the other, also after a failure', async () => {
  const exclusive = createMutex();
  const order: string[] = [];
  const task = (name: string) => async () => {
    order.push(`${name} begins`);
    await new Promise(setImmediate);
    order.push(`${name} ends`);
    if (name === 'a') throw new Error('a failed');
  };
  const [a, b] = [rejection(exclusive(task('a'))), exclusive(task('b'))];
  assert.is(await a, 'a failed');
  await b;
  assert.equal(order, ['a begins', 'a ends', 'b begins', 'b ends']);
});

test('notifier: a notification before the wait counts, one that was reset does not', async () => {
  const closing = new AbortController();
  const notifier = createNotifier(closing.signal);
  notifier.notify();
  assert.is(await notifier.wait(60_000), true);
  notifier.reset();
  assert.is(await notifier.wait(1), false);
  const waiting = notifier.wait(60_000);
  closing.abort();
  assert.is(await waiting, true);
});

test('yielder: due when its share of time is over, and not again until the next', async () => {
  let nowMs = 0;
  const yielder = createYielder(20, { monotonicMs: () => nowMs });
  nowMs = 20;
  assert.is(yielder.isDue(), false);
  nowMs = 21;
  assert.is(yielder.isDue(), true);
  let isServed = false;
  setImmediate(() => {
    isServed = true;
  });
  await yielder.yield();
  assert.is(isServed, true);
  assert.is(yielder.isDue(), false);
});

test('unlessAborted: the signal ends the wait with its reason', async () => {
  const closing = new AbortController();
  const waiting = unlessAborted(new Promise(() => {}), closing.signal);
  closing.abort(new Error('stopping'));
  assert.is(await rejection(waiting), 'stopping');
  assert.is(await unlessAborted(Promise.resolve(1), undefined), 1);
});

test.run();
