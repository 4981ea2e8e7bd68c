/** How wide what is printed may be. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createContext } from '../../../../src/cli/output/context.ts';

const test = suite('the context of a command');

const widthOf = (out: { isTTY?: boolean; columns?: number }, environment: Record<string, string> = {}) => {
  const stream = { write: () => {}, ...out };
  return createContext({ out: stream, err: stream, environment, signal: new AbortController().signal }).widthMax;
};

test('a terminal says how wide it is, COLUMNS wins, and one that says neither has 80', () => {
  assert.is(widthOf({ isTTY: true, columns: 100 }), 100);
  assert.is(widthOf({ isTTY: true, columns: 100 }, { COLUMNS: '60' }), 60);
  assert.is(widthOf({ isTTY: true, columns: 100 }, { COLUMNS: 'wide' }), 100);
  assert.is(widthOf({ isTTY: true }), 80);
  assert.is(widthOf({ isTTY: true, columns: 0 }), 80);
});

test('a pipe has no width', () => {
  assert.is(widthOf({ columns: 100 }, { COLUMNS: '60' }), null);
});

test.run();
