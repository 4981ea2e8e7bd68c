/** Lines of logs as the page keeps them: bounded, in the order of their times, without what only a terminal understands. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  addLines,
  filterLines,
  type LogLine,
  linesKept,
  plainText,
  slotOf,
  tailOf,
} from '../../../../src/dashboard/source/log-lines.ts';

const test = suite('lines of logs on the page');

const line = (key: number, second: number, more: Partial<LogLine> = {}): LogLine => ({
  ...{ key, container: 'web.1-4k', output: 'stdout', text: `line ${key}` },
  at: new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString(),
  ...more,
});
const keys = (lines: readonly LogLine[]) => lines.map(({ key }) => key);

test('lines that come in order are added as they are, also those of one time', () => {
  assert.equal(keys(addLines([line(1, 1), line(2, 1)], [line(3, 1), line(4, 2)])), [1, 2, 3, 4]);
});

test('a replica that begins later puts its older lines where they belong', () => {
  assert.equal(keys(addLines([line(1, 1), line(2, 5)], [line(3, 2), line(4, 5), line(5, 9)])), [1, 3, 2, 4, 5]);
});

test('no more than the newest are kept', () => {
  const many = Array.from({ length: linesKept + 5 }, (_, index) => line(index, index));
  const kept = addLines(many.slice(0, 10), many.slice(10));
  assert.equal([kept.length, kept[0]?.key, kept.at(-1)?.key], [linesKept, 5, linesKept + 4]);
});

test('all containers together send no more at first than are kept, and each sends some', () => {
  assert.equal([tailOf(0), tailOf(1), tailOf(10), tailOf(20), tailOf(100)], [200, 200, 200, 100, 20]);
});

test('colours and other commands to a terminal are taken out, columns stay', () => {
  assert.is(plainText('\u001b[1;31mred\u001b[0m\tand \u001b]0;title\u0007plain\u0000\r'), 'red\tand plain');
  assert.is(plainText('a [1] list'), 'a [1] list');
});

test('a text is found whatever its case, in what was printed and in the name', () => {
  const lines = [line(1, 1, { text: 'An Error' }), line(2, 2, { container: 'web.2-4k' }), line(3, 3)];
  assert.equal(keys(filterLines(lines, ' error ')), [1]);
  assert.equal(keys(filterLines(lines, 'WEB.2')), [2]);
  assert.is(filterLines(lines, ''), lines);
});

test('what replaces a container, or was restarted by its agent, has its colour', () => {
  assert.equal(['web.12-4k', 'web.12-9z', 'web.12-9z.1', 'my-web.3-1'].map(slotOf), [12, 12, 12, 3]);
});

test.run();
