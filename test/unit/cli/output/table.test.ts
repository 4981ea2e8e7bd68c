/** Tables and progress as people read them. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createProgressBar, describeProgress } from '../../../../src/cli/output/progress-bar.ts';
import { formatTable, printable } from '../../../../src/cli/output/table.ts';

const test = suite('tables and progress of the command line');

const columns = [
  { title: 'NAME', cell: (row: { name: string; count: number; why: string | null }) => row.name },
  { title: 'COUNT', cell: (row: { count: number }) => row.count },
  { title: 'WHY', cell: (row: { why: string | null }) => row.why },
];

test('columns are as wide as they need, numbers stand right, nothing is a dash', () => {
  const lines = formatTable(columns, [
    { name: 'web', count: 5, why: null },
    { name: 'a-long-name', count: 1000, why: 'because' },
  ]);
  assert.equal(lines, ['NAME         COUNT  WHY', 'web              5  -', 'a-long-name   1000  because']);
});

test('without rows there is the header', () => {
  assert.equal(formatTable(columns, []), ['NAME  COUNT  WHY']);
});

test('what came from elsewhere moves no terminal', () => {
  assert.is(printable('a\u001b[31mred\nline\u202egnol'), 'a [31mred line gnol');
});

test('progress says how far, how fast and how long', () => {
  const line = describeProgress('replaying', { position: 500_000, end: 1_000_000, events: 500_000 }, 2.5);
  assert.is(line, `replaying [${'█'.repeat(12)}${'░'.repeat(12)}] 50 %  500,000 events  200,000 events/s  3 s left`);
});

test('where nobody watches the bar writes nothing, and still counts', () => {
  let written = '';
  const bar = createProgressBar('replaying', { write: (text: string) => (written += text) });
  bar.update({ position: 5, end: 10, events: 5 });
  assert.is(bar.end().events, 5);
  assert.is(written, '');
});

test('in a terminal the bar writes over itself and leaves nothing', () => {
  let written = '';
  const bar = createProgressBar('replaying', { write: (text: string) => (written += text), isTTY: true });
  bar.update({ position: 5, end: 10, events: 5 });
  bar.end();
  assert.ok(written.startsWith('\rreplaying ['));
  assert.ok(written.endsWith('\r\u001b[K'));
  assert.not.ok(written.includes('\n'));
});

test.run();
