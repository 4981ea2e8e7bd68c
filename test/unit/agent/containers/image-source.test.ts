/** How a container comes to its image: by pull policy, as the digest that all nodes run, with the login of the registry. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { DigestAnswers } from '../../../../src/agent/containers/digest-answers.ts';
import { createImageSource, type ImageNeed } from '../../../../src/agent/containers/image-source.ts';
import type { FoundImage, PullOptions } from '../../../../src/agent/engine/engine.ts';
import { AppError } from '../../../../src/errors.ts';
import { spec } from '../../../support/log/history.ts';
import { refusal } from '../../../support/refusal.ts';

const test = suite('image source');
const [d1, d2] = [`sha256:${'1'.repeat(64)}`, `sha256:${'2'.repeat(64)}`];
const image = 'registry.example/app:1';
const pinned = (digest: string) => `registry.example/app@${digest}`;
const login = { host: 'registry.example', version: 4, session: 7, sealed: 'box' };

type Scene = {
  need?: Partial<ImageNeed> & { pull?: 'always' | 'never' };
  /** What the node has before; a pull of the tag brings `brings`. */
  local?: FoundImage | null;
  brings?: FoundImage;
  answer?: string | null;
  pullFails?: AppError;
};

function open({ need: { pull: policy, ...need } = {}, local = null, brings, answer = null, pullFails }: Scene = {}) {
  const calls: string[] = [];
  const used: (PullOptions | undefined)[] = [];
  let found = local;
  const digests: DigestAnswers = {
    async ask(_question, { digest }) {
      calls.push(`ask ${digest}`);
      return answer;
    },
    answered() {},
  };
  const engine = {
    findImage: async () => found,
    async pull(wanted: string, _onProgress: unknown, _signal: AbortSignal, how?: PullOptions) {
      calls.push(`pull ${wanted}`);
      used.push(how);
      if (pullFails) throw pullFails;
      found = brings ?? found;
    },
  };
  const source = createImageSource(
    { engine, digests, openLogin: () => ({ username: 'deployer', password: 'a-password' }) },
    {
      ...{ container: 'web.1-a', login: null, causationId: null },
      spec: spec({ image, ...(policy ? { pull: policy } : {}) }),
      ...need,
    },
    { signal: new AbortController().signal, onProgress: () => {} },
  );
  return { source, calls, used };
}

test('what nobody has resolved to is taken as it is named, and nothing is asked', async () => {
  const { source, calls } = open();
  assert.is(await source.reference(), image);
  assert.equal(calls, []);
});

test('what is resolved is that digest, and nothing is asked', async () => {
  const { source, calls } = open({ need: { digest: d1 } });
  assert.is(await source.reference(), pinned(d1));
  assert.equal(calls, []);
});

test('what this node has is said, and the answer counts', async () => {
  const local = { digest: d2, reason: null };
  const { source, calls } = open({ need: { digest: null }, local, answer: d1 });
  assert.is(await source.reference(), pinned(d1));
  assert.is(await source.reference(), pinned(d1));
  assert.equal(calls, [`ask ${d2}`]);
});

test('what is not there is pulled before it is said', async () => {
  const { source, calls } = open({ need: { digest: null }, brings: { digest: d1, reason: null }, answer: d1 });
  assert.is(await source.reference(), pinned(d1));
  assert.equal(calls, [`pull ${image}`, `ask ${d1}`]);
});

test('an image without a digest is taken as it is named, once the answer is there', async () => {
  const local = { digest: null, reason: 'not in a registry' };
  const { source, calls } = open({ need: { digest: null }, local });
  assert.is(await source.reference(), image);
  assert.is(await source.reference(), image);
  assert.equal(calls, ['ask null']);
});

test('always asks the registry once for each start, whatever is there', async () => {
  const local = { digest: d1, reason: null };
  const unresolved = open({ need: { pull: 'always', digest: null }, local, answer: d1 });
  await unresolved.source.reference();
  await unresolved.source.reference();
  assert.equal(unresolved.calls, [`pull ${image}`, `ask ${d1}`]);
  const resolved = open({ need: { pull: 'always', digest: d1 }, local });
  await resolved.source.reference();
  assert.equal(resolved.calls, [`pull ${pinned(d1)}`]);
  assert.is(resolved.used[0]?.isAlways, true);
});

test('never asks no registry: what is not there fails in words', async () => {
  for (const digest of [null, d1, undefined]) {
    const { source, calls } = open({ need: { pull: 'never', digest } });
    const wanted = digest ? pinned(digest) : image;
    const error = await refusal(async () => source.pull(await source.reference()));
    assert.equal(
      [error.code, error.message],
      ['image_missing', `${wanted} is not on this node, and its pull policy is never`],
    );
    assert.equal(calls, []);
  }
});

test('never runs what is there', async () => {
  const { source } = open({ need: { pull: 'never', digest: null }, local: { digest: d1, reason: null }, answer: d1 });
  assert.is(await source.reference(), pinned(d1));
});

test('a login goes into the pull, with its version', async () => {
  const { source, used } = open({ need: { login } });
  await source.pull(image);
  const expected = { username: 'deployer', password: 'a-password', host: 'registry.example', version: 4 };
  assert.equal(used, [{ login: expected, isAlways: false }]);
});

const refused = (message: string) => new AppError('image_pull_failed', message, { details: { isRefused: true } });

test('a refusal says whether a login was used, and which; another failure stays as it is', async () => {
  const pullFails = refused('unauthorized');
  const say = async (need: NonNullable<Scene['need']>, fails = pullFails) =>
    (await refusal(() => open({ need, pullFails: fails }).source.pull(image))).message;
  assert.is(
    await say({}),
    'registry.example wants a login or has no such image, and no login is set for it (PUT /registry/registry.example): unauthorized',
  );
  assert.is(await say({ login }), 'registry.example refused the login that is set for it (version 4): unauthorized');
  assert.match(
    await say({ login: { ...login, sealed: null } }),
    /the managers cannot read the one that is set .*: unauthorized/,
  );
  assert.is(await say({ login }, new AppError('image_pull_failed', 'no route to host')), 'no route to host');
});

test('a password that an engine quotes is taken out of its words', async () => {
  const error = await refusal(() =>
    open({ need: { login }, pullFails: refused('bad auth: deployer:a-password') }).source.pull(image),
  );
  assert.not.match(error.message, /a-password/);
  assert.match(error.message, /\[secret login at registry\.example\]/);
});

test.run();
