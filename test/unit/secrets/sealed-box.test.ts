/** Who opens a sealed box, and as what. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createBoxKeys, sealBox } from '../../../src/secrets/sealed-box.ts';
import { refusal } from '../../support/refusal.ts';

const test = suite('sealed box');

const content = Buffer.from('a password of somebody');
/** What it is refused with. */
const codeOf = async (attempt: () => unknown) => (await refusal(async () => attempt())).code;

const purpose = ['registry login', 'worker-1', 7];

test('its recipient opens it, and it shows nothing of what is in it', async () => {
  const keys = createBoxKeys();
  const box = sealBox(content, keys.publicKey, purpose);
  assert.equal(keys.open(box, purpose), content);
  assert.not.ok(Buffer.from(box, 'base64').includes(content.subarray(0, 4)));
});

test('the same content never gives the same box', async () => {
  const { publicKey } = createBoxKeys();
  const boxes = Array.from({ length: 20 }, () => sealBox(content, publicKey, purpose));
  assert.is(new Set(boxes).size, 20);
});

test('an empty content is one too', async () => {
  const keys = createBoxKeys();
  assert.is(keys.open(sealBox(Buffer.alloc(0), keys.publicKey, purpose), purpose).length, 0);
});

test('another key does not open it', async () => {
  const box = sealBox(content, createBoxKeys().publicKey, purpose);
  assert.is(await codeOf(() => createBoxKeys().open(box, purpose)), 'box_not_opened');
});

test('it does not open for another node, session or kind', async () => {
  const keys = createBoxKeys();
  const box = sealBox(content, keys.publicKey, purpose);
  for (const other of [
    ['registry login', 'worker-2', 7],
    ['registry login', 'worker-1', 8],
    ['secret', 'worker-1', 7],
    [],
  ]) {
    assert.is(await codeOf(() => keys.open(box, other)), 'box_not_opened');
  }
});

test('each changed bit, and each missing byte at its end, is noticed', async () => {
  const keys = createBoxKeys();
  const box = Buffer.from(sealBox(content, keys.publicKey, purpose), 'base64');
  for (let index = 0; index < box.length; index += 1) {
    const changed = Buffer.from(box);
    changed[index]! ^= 1;
    assert.is(await codeOf(() => keys.open(changed.toString('base64'), purpose)), 'box_not_opened', `byte ${index}`);
    const cut = box.subarray(0, index).toString('base64');
    assert.is(await codeOf(() => keys.open(cut, purpose)), 'box_not_opened', `cut at ${index}`);
  }
});

test('a key of which no secret can be shared is refused', async () => {
  for (const key of ['', 'AAAA', Buffer.alloc(32).toString('base64url')]) {
    assert.is(await codeOf(() => sealBox(content, key, purpose)), 'box_key_invalid');
  }
});

test.run();
