import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createDeadLetterShare, deadLettersPerSender } from '../../../src/bus/dead-letter-share.ts';

const test = suite('share of the dead letters');

test('a sender has its share within an hour, whatever others send, and another one after it', () => {
  let nowMs = 0;
  const share = createDeadLetterShare({ monotonicMs: () => nowMs });
  const takeAll = (sender: string) => Array.from({ length: 2 * deadLettersPerSender }, () => share.take(sender));
  assert.is(takeAll('a').filter(Boolean).length, deadLettersPerSender);
  assert.is(takeAll('b').filter(Boolean).length, deadLettersPerSender);
  nowMs = 3_600_000;
  assert.is(takeAll('a').filter(Boolean).length, deadLettersPerSender);
});

test.run();
