/** Lines of containers on a terminal. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createPrefixes, printableLine } from '../../../../src/cli/output/log-lines.ts';

const test = suite('lines of containers');

test('a program may choose colours, and nothing else of the terminal', () => {
  assert.is(printableLine('\u001b[1;31mred\u001b[0m\tdone', true), '\u001b[1;31mred\u001b[0m\tdone\u001b[0m');
  assert.is(printableLine('\u001b[1;31mred\u001b[0m\tdone', false), 'red\tdone');
  for (const hasColors of [true, false]) {
    const shown = printableLine('a\u001b[2Jb\rc\u001b]0;title\u0007\u202e', hasColors);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be left.
    assert.not.match(shown, /[\u0000-\u001f\u202e]/);
  }
});

test('a container keeps its colour, and prefixes are as wide as the widest', () => {
  const prefixOf = createPrefixes(true);
  const first = prefixOf('web.1-a');
  assert.match(prefixOf('web.10-abc'), /web\.10-abc \| /);
  assert.is.not(prefixOf('web.2-a').slice(0, 5), first.slice(0, 5));
  assert.is(prefixOf('web.1-a').slice(0, 5), first.slice(0, 5));
  assert.match(prefixOf('web.1-a'), /web\.1-a {4}\| /);
  assert.is(createPrefixes(false)('web.1-a'), 'web.1-a | ');
});

test.run();
