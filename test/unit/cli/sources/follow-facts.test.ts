/** When state has to be asked for again, by what an event stream brings. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Api } from '../../../../src/cli/sources/api.ts';
import { type FactFeed, followFacts } from '../../../../src/cli/sources/follow-facts.ts';
import { systemClock } from '../../../../src/clock.ts';
import { AppError } from '../../../../src/errors.ts';
import { until } from '../../../support/wait.ts';

const test = suite('following facts');

/** Each connection sends its lines, and then stays open or fails. */
function apiOf(...connections: (string[] | Error)[]): Pick<Api, 'lines'> & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    async *lines(path, leaving) {
      const connection = connections[asked.push(path) - 1];
      if (connection instanceof Error) throw connection;
      yield* connection ?? [];
      await new Promise<void>((resolve) => leaving.addEventListener('abort', () => resolve()));
    },
  };
}

const fact = (position: number, service?: string) => `data: ${JSON.stringify({ position, data: { service } })}`;
let stopping: AbortController;
let signal: AbortSignal;
test.before.each(() => {
  stopping = new AbortController();
  signal = stopping.signal;
});
test.after.each(() => stopping.abort());

/** How long until it has to be asked for again what was asked for now. */
const waitMs = (feed: FactFeed, position: number, more: { service?: string; isMoving?: boolean } = {}) => {
  const askedMs = systemClock.monotonicMs();
  return feed.dueMs({ askedMs, position, isMoving: false, ...more }) - askedMs;
};
const near = (actual: number, expected: number) => assert.ok(Math.abs(actual - expected) < 0.01, `${actual}`);

test('before the stream is there, and for what changes without facts, it is asked for every second', async () => {
  const feed = followFacts(apiOf(['retry: 1000']), { after: 5, signal });
  near(waitMs(feed, 5), 1_000);
  await until('it is live', () => waitMs(feed, 5) > 2_000);
  near(waitMs(feed, 5), 30_000);
  near(waitMs(feed, 5, { isMoving: true }), 1_000);
  const log = followFacts(null, { after: 5, signal });
  near(waitMs(log, 5), 1_000);
});

test('an answer without a fact that is known is asked for again soon, one with it is not', async () => {
  const api = apiOf(['id: 7', fact(7, 'web'), 'id: 8', fact(8, 'api')]);
  const feed = followFacts(api, { after: 5, about: { service: 'web' }, signal });
  near(waitMs(feed, 4), 200);
  await until('both are known', () => waitMs(feed, 7) < 500);
  near(waitMs(feed, 6, { service: 'web' }), 200);
  near(waitMs(feed, 7, { service: 'web' }), 30_000);
  near(waitMs(feed, 7, { service: 'api' }), 200);
  near(waitMs(feed, 8), 30_000);
  assert.equal(api.asked, ['/events?format=sse&class=fact&after=5&service=web']);
});

test('what is about no service may be about any', async () => {
  const feed = followFacts(apiOf([fact(9)]), { after: 5, signal });
  await until('it is known', () => waitMs(feed, 8, { service: 'web' }) < 500);
  near(waitMs(feed, 9, { service: 'web' }), 30_000);
});

test('a connection that broke is made again behind what it brought', async () => {
  const away = new AppError('api_unreachable', 'no manager answers');
  const api = apiOf(away, [fact(9)]);
  const feed = followFacts(api, { after: 5, signal });
  await until('it is live', () => waitMs(feed, 9) > 2_000);
  assert.is(api.asked.length, 2);
});

test('a refusal that does not pass is not repeated', async () => {
  const api = apiOf(new AppError('forbidden', 'no scope', { details: { status: 403 } }));
  const feed = followFacts(api, { after: 5, signal });
  await feed.waitUntil(systemClock.monotonicMs() + 2_500);
  assert.is(api.asked.length, 1);
  near(waitMs(feed, 5), 1_000);
});

test('a fact ends the wait, and so does an abort', async () => {
  const feed = followFacts(apiOf([fact(6)]), { after: 5, signal });
  const startedMs = systemClock.monotonicMs();
  await feed.waitUntil(startedMs + 60_000);
  assert.ok(systemClock.monotonicMs() - startedMs < 30_000);
  const waiting = feed.waitUntil(startedMs + 60_000).catch((error: Error) => error.name);
  stopping.abort();
  assert.is(await waiting, 'AbortError');
});

test.run();
