/** A change is followed through answers that fail for a while, and no longer than its time. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Api } from '../../../../src/cli/sources/api.ts';
import { watchServices } from '../../../../src/cli/sources/watch-services.ts';
import { AppError } from '../../../../src/errors.ts';

const test = suite('following services');

type WatchedApi = Pick<Api, 'get' | 'lines'>;
const away = new AppError('api_unreachable', 'no manager answers');

const target = { service: 'web', generation: 1, position: 5 };
const row = (status: string) => ({
  serviceName: 'web',
  generation: 1,
  replicas: 1,
  status,
  reason: 'why',
  mode: 'replicated',
});

/** Answers one after the other; the last one again and again. It has no event stream. */
function apiOf(...answers: (string | Error)[]): WatchedApi {
  let asked = 0;
  return {
    // biome-ignore lint/correctness/useYield: it fails before the first.
    async *lines() {
      throw away;
    },
    async get<T>(path: string): Promise<T> {
      if (path.startsWith('/container_state')) return { containers: [] } as T;
      const answer = answers[Math.min(asked, answers.length - 1)]!;
      asked += 1;
      if (typeof answer !== 'string') throw answer;
      return { position: 5, services: [row(answer)] } as T;
    },
  };
}

const watch = (api: WatchedApi, more: Partial<Parameters<typeof watchServices>[2]> = {}) =>
  watchServices(api, [target], { timeoutMs: 20_000, signal: new AbortController().signal, onLook: () => {}, ...more });
const busy = new AppError('stopping', 'the manager is stopping', { details: { status: 503 } });

test('a manager that does not answer for a while is waited for', async () => {
  const [end] = await watch(apiOf(away, busy, 'progressing', 'converged'));
  assert.equal([end!.service, end!.reason, end!.row?.status], ['web', null, 'converged']);
});

test('a refusal ends it at once', async () => {
  const refused = new AppError('forbidden', 'this token has no scope', { details: { status: 403 } });
  const failed = await watch(apiOf('progressing', refused)).catch((error) => error);
  assert.is(failed, refused);
});

test('time that is over says how it was last, also when no answer ever came', async () => {
  const [end] = await watch(apiOf('progressing'), { timeoutMs: 350 });
  assert.is(end!.reason, 'not within 350 ms: why');
  const [unheard] = await watch(apiOf(away), { timeoutMs: 350 });
  assert.is(unheard!.reason, 'not within 350 ms: nothing is known of it yet');
});

test('an abort ends the wait', async () => {
  const stopping = new AbortController();
  const waiting = watch(apiOf('progressing'), { signal: stopping.signal }).catch((error) => error);
  stopping.abort();
  assert.is((await waiting).name, 'AbortError');
});

test('nothing to follow is the end', async () => {
  assert.equal(
    await watchServices(apiOf('progressing'), [], { timeoutMs: 1, signal: AbortSignal.abort(), onLook: () => {} }),
    [],
  );
});

test.run();
