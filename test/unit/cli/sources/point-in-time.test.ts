/** Points in time as people write them. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parsePointInTime, parseTime, queryPoint } from '../../../../src/cli/sources/point-in-time.ts';

const test = suite('points in time');
const nowMs = Date.parse('2026-11-26T22:38:15.500Z');

const cases: [text: string, time: string][] = [
  ['2026-11-26T22:38:00Z', '2026-11-26T22:38:00.000Z'],
  ['2026-11-26 22:38', '2026-11-26T22:38:00.000Z'],
  ['2026-11-26 22:38:15.123', '2026-11-26T22:38:15.123Z'],
  ['2026-11-26 22:38:15.123 UTC', '2026-11-26T22:38:15.123Z'],
  ['2026-11-25', '2026-11-25T00:00:00.000Z'],
  ['22:38', '2026-11-26T22:38:00.000Z'],
  ['04:05:06', '2026-11-26T04:05:06.000Z'],
  ['5m', '2026-11-26T22:33:15.500Z'],
  ['90s', '2026-11-26T22:36:45.500Z'],
  ['2h ago', '2026-11-26T20:38:15.500Z'],
  ['1w', '2026-11-19T22:38:15.500Z'],
  ['yesterday', '2026-11-25T22:38:15.500Z'],
  ['now', '2026-11-26T22:38:15.500Z'],
];
for (const [text, time] of cases) {
  test(`${text} is ${time}`, () => {
    assert.equal(parsePointInTime('--at', text, nowMs), { time });
    assert.is(queryPoint('--at', text, nowMs), time);
    assert.is(parseTime('--since', text, nowMs), time);
  });
}

test('a number is a position', () => {
  assert.equal(parsePointInTime('--at', '1500', nowMs), { position: 1500 });
  assert.is(queryPoint('--at', '1500', nowMs), '1500');
});

for (const text of ['noon', '0', '-5m', '5y', '25:00', '2026-13-01', '2026-02-01T', '2026-11-26T22', '']) {
  test(`${JSON.stringify(text)} is none`, () => {
    assert.throws(() => parsePointInTime('--at', text, nowMs), /--at takes a position such as 1500, or a time in UTC/);
    assert.throws(() => parseTime('--since', text, nowMs), /--since takes a time in UTC/);
  });
}

test('what has not come is refused, but for the end of a span', () => {
  assert.throws(() => parsePointInTime('--at', '22:39', nowMs), /--at 22:39 has not come yet/);
  assert.is(parseTime('--until', '23:00', nowMs), '2026-11-26T23:00:00.000Z');
});

test.run();
