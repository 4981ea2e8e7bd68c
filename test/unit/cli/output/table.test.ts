/** Tables and progress as people read them. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatAge } from '../../../../src/cli/output/age.ts';
import { createProgressBar, describeProgress } from '../../../../src/cli/output/progress-bar.ts';
import { formatTable, printable } from '../../../../src/cli/output/table.ts';
import { cutPainted, paint } from '../../../../src/cli/output/tones.ts';
import type { Mark } from '../../../../src/projections/rows/state-marks.ts';

const test = suite('tables and progress of the command line');

const columns = [
  { title: 'NAME', cell: (row: { name: string; count: number; why: string | null }) => row.name },
  { title: 'COUNT', cell: (row: { count: number }) => row.count },
  { title: 'WHY', cell: (row: { why: string | null }) => row.why },
];

const plain = (widthMax: number) => ({ widthMax, hasColors: false });

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

test('a line fits the terminal: the widest column gives, names and numbers stay whole', () => {
  const rows = [
    { name: 'web', count: 5, why: 'because of something that takes many words to say' },
    { name: 'a-service-with-a-name', count: 1000, why: 'short' },
  ];
  for (const width of [100, 60, 45, 40]) {
    const lines = formatTable(columns, rows, plain(width));
    assert.ok(
      lines.every((line) => line.length <= width),
      `${width}: ${lines.join('\n')}`,
    );
  }
  assert.equal(formatTable(columns, rows, plain(48)), [
    'NAME                   COUNT  WHY',
    'web                        5  because of someth…',
    'a-service-with-a-name   1000  short',
  ]);
  assert.equal(formatTable(columns, rows, plain(1000)), formatTable(columns, rows));
});

test('no terminal is so narrow that a line runs over it', () => {
  for (let width = 1; width <= 40; width += 1) {
    const lines = formatTable(columns, [{ name: 'a-long-name', count: 1, why: 'many words' }], plain(width));
    assert.ok(
      lines.every((line) => line.length <= width),
      `${width}: ${lines.join('\n')}`,
    );
  }
  assert.is(
    formatTable(columns, [{ name: 'a-long-name', count: 1, why: 'many words' }], plain(20))[1],
    'a-lon…      1  many…',
  );
});

test('where room is short, a column that says nothing goes first', () => {
  const rows = [{ name: 'a-long-name', count: 1, why: null }];
  assert.equal(formatTable(columns, rows, plain(18)), ['NAME         COUNT', 'a-long-name      1']);
  assert.equal(formatTable(columns, rows, plain(23)), ['NAME         COUNT  WHY', 'a-long-name      1  -']);
});

const marked = [
  {
    ...{ title: 'STATE', cell: (row: { state: string }) => row.state },
    mark: ({ state }: { state: string }): Mark => ({
      shape: '●',
      tone: state === 'well' ? 'good' : 'bad',
      label: state,
    }),
  },
  { title: 'WHY', cell: () => 'because' },
];

test('a terminal shows the mark of a state, in its colour unless that is unwanted; programs read the state alone', () => {
  const rows = [{ state: 'well' }, { state: 'ill' }];
  assert.equal(formatTable(marked, rows), ['STATE  WHY', 'well   because', 'ill    because']);
  assert.equal(formatTable(marked, rows, plain(80)), ['STATE   WHY', '● well  because', '● ill   because']);
  assert.equal(formatTable(marked, rows, { widthMax: 80, hasColors: true }), [
    'STATE   WHY',
    '\u001b[32m● well\u001b[0m  because',
    '\u001b[31m● ill\u001b[0m   because',
  ]);
});

test('a line with colours is cut where it is seen to end', () => {
  const line = `a ${paint('coloured', 'warn')} text`;
  assert.is(cutPainted(line, 15), line);
  assert.is(cutPainted(line, 6), 'a \u001b[33mcol\u001b[0m…');
});

test('an age is in the largest unit that it fills', () => {
  const nowMs = Date.parse('2026-01-03T00:00:00Z');
  const ages = ['2026-01-02T23:59:59.500Z', '2026-01-02T23:59:01Z', '2026-01-02T23:57:00Z', '2026-01-02T01:00:00Z'];
  assert.equal(
    [...ages, '2025-01-01T00:00:00Z', '2027-01-01T00:00:00Z'].map((at) => formatAge(at, nowMs)),
    [...['0 s', '59 s', '3 m', '23 h', '367 d', '0 s']],
  );
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
