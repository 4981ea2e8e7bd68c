/** A chain of causes as people read it: what repeats is a line. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { whyLines } from '../../../../src/cli/output/why-lines.ts';
import type { Link } from '../../../../src/history/explain/cause-chain.ts';

const test = suite('the lines of a why');

const link = (position: number, members: Partial<Link>): Link => ({
  ...{ position, at: `2026-01-01T00:00:${String(position).padStart(2, '0')}.000Z`, type: 'ContainerQueued' },
  ...{
    stream: 'service/web',
    actor: 'manager:a',
    sentence: 'something',
    details: [],
    because: position - 1,
    ...members,
  },
});

/** A failure, the wait after it and the placement before it. */
function attempt(first: number, id: string, reason: string): Link[] {
  const stream = `container/${id}`;
  return [
    link(first + 2, { type: 'RestartDelayed', sentence: `web.1 went down, the last time as ${id}: it waits` }),
    link(first + 1, { type: 'ContainerFailed', stream, sentence: `${id} got no image on worker-${first}: ${reason}` }),
    link(first, { stream, sentence: `${id} was placed`, details: ['chosen: worker-1'] }),
  ];
}

const chainOf = (...links: Link[][]) => ({
  ...{ answer: 'web is degraded', notes: ['an alarm'], left: null },
  chain: links.flat().toSorted((a, b) => b.position - a.position),
});
const request = [link(1, { type: 'ServiceRequested', sentence: 'ada requested web', because: null })];

test('attempts that ended the same way, on whichever node, are one line', () => {
  const chain = chainOf(
    attempt(30, 'web.1-d', 'denied'),
    attempt(20, 'web.1-c', 'denied'),
    attempt(10, 'web.1-b', 'denied'),
    request,
  );
  assert.equal(whyLines(chain), [
    ...['web is degraded', '(an alarm)', ''],
    '      32  2026-01-01 00:00:32.000  web.1 went down, the last time as web.1-d: it waits  [from 31]',
    '      31  2026-01-01 00:00:31.000  web.1-d got no image on worker-30: denied  [from 30]',
    '      30  2026-01-01 00:00:30.000  web.1-d was placed  [from 29]',
    '                                     chosen: worker-1',
    '      22  2026-01-01 00:00:22.000  2 earlier attempts of web.1 went the same way: web.1-c and web.1-b, since 2026-01-01 00:00:10.000  [back to 10, from 9]',
    '       1  2026-01-01 00:00:01.000  ada requested web',
  ]);
  assert.is(whyLines(chain, { isWhole: true }).length, 3 + 3 * 4 + 1);
});

test('what ended otherwise, or in another slot, is told apart', () => {
  const mixed = whyLines(
    chainOf(
      attempt(40, 'web.1-e', 'denied'),
      attempt(30, 'web.1-d', 'out of memory'),
      attempt(20, 'web.1-c', 'denied'),
      attempt(10, 'web.2-b', 'denied'),
    ),
  );
  assert.not.ok(mixed.some((line) => line.includes('the same way')));
});

test('attempts of two slots that took turns are grouped slot by slot', () => {
  const lines = whyLines(
    chainOf(
      attempt(40, 'web.2-e', 'denied'),
      attempt(35, 'web.1-d', 'denied'),
      attempt(20, 'web.2-c', 'denied'),
      attempt(10, 'web.1-b', 'denied'),
    ),
  );
  assert.equal(
    lines.filter((line) => line.includes('the same way')).map((line) => line.replace(/^.*000 {2}| {2}\[.*$/g, '')),
    ['1 earlier attempt of web.2 went the same way: web.2-c', '1 earlier attempt of web.1 went the same way: web.1-b'],
  );
});

test('what is left out is counted', () => {
  const lines = whyLines({ ...chainOf(request), left: { containers: 7, isAtLeast: true } });
  assert.is(lines.at(-1), 'at least 7 earlier containers in the same place left out');
});

test.run();
