/** No form of a secret that programs print is left in their words, and nothing else is taken out. */

import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSecretMask } from '../../../../src/agent/containers/secret-mask.ts';

const test = suite('secret mask');
const value = 'p@ss word/+=?ü';
const mask = createSecretMask([{ name: 'db', value }]);
const base64 = (text: string) => Buffer.from(text).toString('base64');

const printed: [string, string][] = [
  ['as it is', `connecting with ${value} failed`],
  ['in base64', base64(value)],
  ['in base64 with a line end', base64(`${value}\n`)],
  ['in base64 of a basic authentication', `Authorization: Basic ${base64(`admin:${value}`)}`],
  ['in base64url', Buffer.from(`x${value}`).toString('base64url')],
  ['in a URL', `postgres://app:${encodeURIComponent(value)}@db/app`],
  ['in a URL with small escapes', encodeURIComponent(value).toLowerCase()],
  ['in a form', new URLSearchParams({ password: value }).toString()],
  ['in JSON', JSON.stringify({ password: value })],
];
for (const [how, text] of printed) {
  test(`a secret is masked ${how}`, () => {
    const masked = mask(text);
    assert.match(masked, /\[secret db\]/);
    for (const part of ['p@ss', 'ss word', 'ss%20word', 'ss+word', base64(value).slice(4, 12)]) {
      assert.not(masked.includes(part), masked);
    }
  });
}

test('whatever a secret is and wherever it stands, its forms are gone', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 });
  const secret = fc.string({ unit: 'grapheme', minLength: 12, maxLength: 60 }).filter((one) => one.trim().length >= 12);
  fc.assert(
    fc.property(text, secret, text, (before, one, after) => {
      const masks = createSecretMask([{ name: 's', value: one }]);
      for (const form of [one, base64(one), encodeURIComponent(one.toWellFormed())]) {
        assert.not(masks(`${before} ${form} ${after}`).includes(form), form);
      }
      const inside = base64(`${before}${one}${after}`);
      assert.is.not(masks(inside), inside);
    }),
  );
});

test('the lines of a key are masked one by one: a log shows them apart', () => {
  const key = '-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\n-----END KEY-----\n';
  const masked = createSecretMask([{ name: 'tls', value: key }])(`line: MIIEvQIBADANBgkq\nline: hkiG9w0BAQEFAASC`);
  assert.is(masked, 'line: [secret tls]\nline: [secret tls]');
});

test('of two secrets the longer is taken first, and each is named', () => {
  const both = createSecretMask([
    { name: 'short', value: 'abcdef' },
    { name: 'long', value: 'abcdef-and-more' },
  ]);
  assert.is(both('abcdef-and-more abcdef'), '[secret long] [secret short]');
});

test('what is too short to be told from other words stays', () => {
  assert.is(createSecretMask([{ name: 'pin', value: 'abc' }])('abc abc'), 'abc abc');
  assert.is(createSecretMask([{ name: 'none', value: '' }])('anything'), 'anything');
});

test.run();
