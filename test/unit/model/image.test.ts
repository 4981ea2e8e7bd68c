/** What a reference of an image says: its registry, its digest, and whose digest is its own. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { canonicalHost, digestOf, ownDigest, pinImage, registryHostOf } from '../../../src/model/image.ts';

const test = suite('image references');
const [d1, d2] = [`sha256:${'1'.repeat(64)}`, `sha256:${'2'.repeat(64)}`];

const hosts: [image: string, host: string][] = [
  ['nginx', 'docker.io'],
  ['nginx:1.27', 'docker.io'],
  ['library/nginx', 'docker.io'],
  ['docker.io/library/nginx', 'docker.io'],
  ['index.docker.io/team/app', 'docker.io'],
  ['registry.example/app', 'registry.example'],
  ['Registry.Example:5000/team/app:1', 'registry.example:5000'],
  ['localhost/app', 'localhost'],
  ['127.0.0.1:5000/app', '127.0.0.1:5000'],
  ['team/app', 'docker.io'],
];
for (const [image, host] of hosts) test(`${image} is at ${host}`, () => assert.is(registryHostOf(image), host));

test('other names of the default registry are one', () => {
  assert.equal(['index.docker.io', 'Registry-1.docker.io', 'ghcr.io'].map(canonicalHost), [
    'docker.io',
    'docker.io',
    'ghcr.io',
  ]);
});

test('a digest takes the place of tag and digest, and not of a port', () => {
  assert.is(pinImage('nginx', d1), `nginx@${d1}`);
  assert.is(pinImage('127.0.0.1:5000/app:v1', d1), `127.0.0.1:5000/app@${d1}`);
  assert.is(pinImage('127.0.0.1:5000/app', d1), `127.0.0.1:5000/app@${d1}`);
  assert.is(pinImage(`app:v1@${d2}`, d1), `app@${d1}`);
  assert.is(digestOf(`app:v1@${d2}`), d2);
  assert.is(digestOf('127.0.0.1:5000/app:v1'), null);
});

test('of several digests the one of the same repository counts, as engines shorten its name', () => {
  const found = [`other/app@${d2}`, `nginx@${d1}`];
  for (const image of ['nginx', 'nginx:1.27', 'library/nginx', 'docker.io/library/nginx:1', 'docker.io/nginx']) {
    assert.is(ownDigest(image, found), d1, image);
  }
  assert.is(ownDigest('team/nginx', found), null);
  assert.is(ownDigest('registry.example/nginx', found), null);
  assert.is(ownDigest('registry.example/app:1', [`registry.example/app@${d2}`]), d2);
  assert.is(ownDigest('nginx', []), null);
});

test.run();
