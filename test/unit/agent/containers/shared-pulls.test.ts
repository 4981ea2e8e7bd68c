import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSharedPulls } from '../../../../src/agent/containers/shared-pulls.ts';
import type { PullProgress } from '../../../../src/agent/engine/engine.ts';

const test = suite('shared pulls');

const never = new AbortController().signal;

/** An engine whose pulls end when the test says so. */
function open({ isLocal = false } = {}) {
  const pulls: { image: string; tell(progress: PullProgress): void; signal: AbortSignal; end(error?: Error): void }[] =
    [];
  const pull = createSharedPulls({
    findImage: async () => (isLocal ? { digest: null, reason: 'not in a registry' } : null),
    pull(image, tell, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      pulls.push({ image, tell, signal, end: (error) => (error ? reject(error) : resolve()) });
      return promise;
    },
  });
  return { pull, pulls };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const messageOf = (pull: Promise<void>) =>
  pull.then(
    () => 'pulled',
    (error: Error) => error.message,
  );

test('those who wait for one image share one pull, its progress and its end', async () => {
  const { pull, pulls } = open();
  const heard: string[] = [];
  const waiting = ['a', 'b'].map((who) =>
    pull('nginx', ({ currentBytes }) => heard.push(`${who} ${currentBytes}`), never),
  );
  const other = pull('redis', () => {}, never);
  await turn();
  assert.equal(
    pulls.map(({ image }) => image),
    ['nginx', 'redis'],
  );
  pulls[0]!.tell({ currentBytes: 1, totalBytes: 2 });
  assert.equal(heard, ['a 1', 'b 1']);
  for (const { end } of pulls) end();
  await Promise.all([...waiting, other]);
});

test('a failure is reported to all, and the next one tries anew', async () => {
  const { pull, pulls } = open();
  const waiting = [1, 2].map(() => messageOf(pull('nginx', () => {}, never)));
  await turn();
  pulls[0]!.end(new Error('no such image'));
  assert.equal(await Promise.all(waiting), ['no such image', 'no such image']);
  const next = pull('nginx', () => {}, never);
  await turn();
  assert.is(pulls.length, 2);
  pulls[1]!.end();
  await next;
});

test('one who leaves does not disturb the others; the last one calls it off', async () => {
  const { pull, pulls } = open();
  const [first, second] = [new AbortController(), new AbortController()];
  const waiting = [first, second].map(({ signal }) => messageOf(pull('nginx', () => {}, signal)));
  await turn();
  first.abort(new Error('stopped'));
  assert.is(await waiting[0], 'stopped');
  assert.not(pulls[0]!.signal.aborted);
  second.abort(new Error('stopped too'));
  assert.is(await waiting[1], 'stopped too');
  assert.ok(pulls[0]!.signal.aborted);
  const next = pull('nginx', () => {}, never);
  await turn();
  assert.is(pulls.length, 2, 'nobody joins what was called off');
  pulls[1]!.end();
  await next;
});

test('an image that is local by now is not pulled', async () => {
  const { pull, pulls } = open({ isLocal: true });
  await pull('nginx', () => {}, never);
  assert.is(pulls.length, 0);
});

test.run();
