/** Ticks of cron expressions: when they are, how many there were, and what is refused. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { explainTimes, findTicks, nextTickMs } from '../../../src/model/schedule.ts';

const test = suite('schedule');
const ms = (at: string) => Date.parse(at);
const iso = (at: number | null) => at && new Date(at).toISOString();
const times = (cron: string, timeZone = 'UTC') => ({ cron, timeZone });

test('the next tick is after the time, never at it', () => {
  const minutely = times('* * * * *');
  assert.is(iso(nextTickMs(minutely, ms('2026-01-01T00:00:59.999Z'))), '2026-01-01T00:01:00.000Z');
  assert.is(iso(nextTickMs(minutely, ms('2026-01-01T00:01:00.000Z'))), '2026-01-01T00:02:00.000Z');
  assert.is(iso(nextTickMs(minutely, ms('2026-01-01T00:00:59.999Z'))), '2026-01-01T00:01:00.000Z', 'asked again');
  assert.is(iso(nextTickMs(times('*/5 * * * * *'), ms('2026-01-01T00:00:01.000Z'))), '2026-01-01T00:00:05.000Z');
});

test('a time zone counts, also on the days when its clocks change', () => {
  const nightly = times('30 2 * * *', 'Europe/Berlin');
  const three = (after: string) => {
    const first = nextTickMs(nightly, ms(after))!;
    const second = nextTickMs(nightly, first)!;
    return [first, second, nextTickMs(nightly, second)!].map(iso);
  };
  // 02:30 does not exist on March 29th: it runs when the clocks have gone on.
  assert.equal(three('2026-03-28T00:00:00.000Z'), [
    '2026-03-28T01:30:00.000Z',
    '2026-03-29T01:00:00.000Z',
    '2026-03-30T00:30:00.000Z',
  ]);
  // 02:30 comes twice on October 25th: it runs once.
  assert.equal(three('2026-10-24T00:00:00.000Z'), [
    '2026-10-24T00:30:00.000Z',
    '2026-10-25T00:30:00.000Z',
    '2026-10-26T01:30:00.000Z',
  ]);
});

test('of the ticks of a span the last is found, however many there are, and the rest is counted up to a bound', () => {
  const span = (afterMs: string, untilMs: string) => ({ afterMs: ms(afterMs), untilMs: ms(untilMs) });
  const hourly = times('0 * * * *');
  assert.is(findTicks(hourly, span('2026-01-01T00:00:00.000Z', '2026-01-01T00:59:59.999Z'), 100), null);
  const one = findTicks(hourly, span('2026-01-01T00:00:00.000Z', '2026-01-01T01:00:00.000Z'), 100)!;
  assert.equal([iso(one.lastMs), one.count], ['2026-01-01T01:00:00.000Z', 1]);
  const year = span('2026-01-01T00:00:00.000Z', '2027-01-01T00:00:00.500Z');
  const secondly = findTicks(times('* * * * * *'), year, 100)!;
  assert.equal([iso(secondly.lastMs), secondly.count], ['2027-01-01T00:00:00.000Z', 100]);
  const working = findTicks(
    times('*/20 9-11 * * MON-FRI'),
    span('2026-01-02T10:30:00.000Z', '2026-01-05T09:25:00.000Z'),
    100,
  )!;
  assert.equal([iso(working.lastMs), working.count], ['2026-01-05T09:20:00.000Z', 6]);
});

test('what is not understood is explained, and is never due', () => {
  assert.is(explainTimes(times('0 3 * * 1-5', 'Europe/Berlin')), null);
  assert.equal(explainTimes(times('0 0 30 2 *')), { member: 'cron', rule: 'is never due' });
  for (const cron of ['61 * * * *', '* * *', '* * * * * * *', 'x * * * *']) {
    assert.match(
      explainTimes(times(cron))!.rule,
      /^must be a cron expression of five fields, or six with seconds first: /,
    );
    assert.is(nextTickMs(times(cron), 0), null);
  }
  assert.is(explainTimes(times('* * * * *', 'Mars/Olympus'))!.member, 'timeZone');
  assert.is(nextTickMs(times('* * * * *', 'Mars/Olympus'), 0), null);
});

test.run();
