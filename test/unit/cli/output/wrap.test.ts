/** Prose on a terminal: broken between words, and below what it belongs to. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { wrapText } from '../../../../src/cli/output/wrap.ts';

const test = suite('wrapped lines of the command line');

const event = '      33  14:48:17.428  web.2-9 was lost with its node: worker-2 is not heard any more  [from 32]';

test('a line goes on below its last column, as long as that leaves half of the terminal', () => {
  assert.equal(wrapText(event, 60).split('\n'), [
    '      33  14:48:17.428  web.2-9 was lost with its node:',
    '                        worker-2 is not heard any more',
    '                        [from 32]',
  ]);
  assert.equal(wrapText(event, 40).split('\n'), [
    '      33  14:48:17.428  web.2-9 was lost',
    '          with its node: worker-2 is not',
    '          heard any more  [from 32]',
  ]);
});

test('without columns it keeps the indent of the line', () => {
  assert.equal(wrapText('    one two three', 12).split('\n'), ['    one two', '    three']);
  assert.equal(wrapText('one two\nthree four', 5).split('\n'), ['one', 'two', 'three', 'four']);
});

test('a deep indent is kept as far as a quarter of the terminal', () => {
  assert.equal(wrapText(`${' '.repeat(12)}one two three`, 16).split('\n'), ['    one two', '    three']);
});

test('nothing is lost and no line is too long, whatever the width', () => {
  const text = `${event} sha256:${'0'.repeat(64)} and what comes after it`;
  const letters = (of: string) => of.replace(/\s/g, '');
  for (let width = 1; width <= text.length + 1; width += 1) {
    const wrapped = wrapText(text, width);
    assert.is(letters(wrapped), letters(text), `${width}`);
    assert.ok(
      wrapped.split('\n').every((line) => line.length <= width),
      `${width}:\n${wrapped}`,
    );
  }
});

test('a pipe gets lines as they are', () => {
  assert.is(wrapText(event, null), event);
});

test.run();
