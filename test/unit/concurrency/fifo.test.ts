/** The queue in memory: order, and a peek that takes nothing. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createFifo } from '../../../src/concurrency/fifo.ts';

const test = suite('fifo');

test('items are taken in the order they were added, however adding and taking alternate', () => {
  const fifo = createFifo([0, 1]);
  const taken: (number | undefined)[] = [];
  let next = 2;
  for (let round = 0; round < 100; round += 1) {
    for (let adding = 0; adding <= round % 7; adding += 1) fifo.add(next++);
    for (let taking = 0; taking <= round % 5; taking += 1) taken.push(fifo.take());
    assert.is(fifo.length(), next - taken.length);
  }
  assert.is(fifo.peek(), taken.length);
  assert.equal(
    [...taken, ...fifo.items()],
    Array.from({ length: next }, (_, index) => index),
  );
});

test('an empty queue gives nothing and goes on', () => {
  const fifo = createFifo<string>();
  assert.is(fifo.peek(), undefined);
  assert.is(fifo.take(), undefined);
  fifo.add('a');
  assert.is(fifo.peek(), 'a');
  assert.is(fifo.take(), 'a');
  assert.is(fifo.take(), undefined);
  assert.is(fifo.length(), 0);
});

test.run();
