/** Secrets in the output of a command: however the output is cut, none leaves. */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createOutputMask } from '../../../../src/agent/streams/output-mask.ts';

const test = suite('mask of output');
const secrets = [
  { name: 'long', value: 'abcabcabd-and-more' },
  { name: 'short', value: 'abcabcab' },
  { name: 'umlaut', value: 'schlüssel' },
];

function maskAll(pieces: string[]): string {
  const mask = createOutputMask(secrets);
  const sent = pieces.map((piece) => mask.push(Buffer.from(piece, 'latin1')));
  return Buffer.concat([...sent, mask.flush()]).toString();
}

test('a secret in any pieces is replaced as if it had come at once', () => {
  const text = `x abcabcabd-and-more y abcabcab z abcabcabcab schlüssel ${'abc'.repeat(3)}`;
  const bytes = Buffer.from(text).toString('latin1');
  const whole = maskAll([bytes]);
  assert.match(whole, /^x \[secret long\] y \[secret short\] z/);
  assert.match(whole, /\[secret umlaut\]/);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 12 }), (cuts) => {
      const ends = [0, ...cuts.sort((a, b) => a - b), bytes.length];
      const pieces = ends.slice(1).map((end, index) => bytes.slice(ends[index], end));
      assert.is(maskAll(pieces), whole);
    }),
  );
});

test('what cannot be the beginning of a secret is not held back', () => {
  const mask = createOutputMask(secrets);
  assert.is(mask.push(Buffer.from('$ ')).toString(), '$ ');
  assert.is(mask.push(Buffer.from('abca')).toString(), '');
  assert.is(mask.push(Buffer.from('x')).toString(), 'abcax');
  assert.is(mask.flush().length, 0);
});

test('without secrets every byte passes as it is', () => {
  const piece = Buffer.from([0, 255, 128, 27]);
  assert.equal(createOutputMask([]).push(piece), piece);
});

test.run();
