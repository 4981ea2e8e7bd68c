/** A spec as the text that is edited, and back. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatSpec, parseSpec, withHead, withoutHead } from '../../../../src/cli/compose/spec-text.ts';

const test = suite('the text of a spec');
const spec = {
  ...{ serviceName: 'web', replicas: 3 },
  container: { image: 'nginx', env: { A: 'yes', B: '012', C: 'a: b # c', D: 'two\nlines' }, args: ['', '-x', '~'] },
};

test('what is written is read as it was, with and without a refusal', () => {
  for (const refusal of [null, 'replicas must be at least 0\nand more']) {
    const text = withHead(formatSpec(spec), spec, refusal);
    assert.equal(parseSpec(text, spec), spec);
    assert.is(withoutHead(text), formatSpec(spec));
    assert.ok(
      text
        .split('\n')
        .some((line) => line === '# The spec of the service web. Save it and leave the editor to change the service;'),
    );
  }
});

test('a refusal is one line of a comment, whatever is in it', () => {
  const [first, second] = withHead('', spec, 'a\nb\u001b[31mc').split('\n');
  assert.equal([first, second], ['# REFUSED, and nothing is changed:', '#   a b [31mc']);
});

test('nothing but comments is nothing', () => {
  for (const text of ['', '\n', '# a\n#b', '# a\n\n']) assert.is(parseSpec(text, spec), null);
});

for (const [text, words] of [
  ['serviceName: [', /^the text: /],
  ['a', /the text is one service/],
  ['serviceName: web', /the text is one service, with serviceName and container/],
  ['serviceName: web\ncontainer: {image: a}\n---\nserviceName: b\ncontainer: {image: a}', /the text is one service/],
  ['serviceName: other\ncontainer: {image: a}', /serviceName has to stay web/],
  ['serviceName: web\nserviceName: web\ncontainer: {}', /the text: Map keys must be unique/],
] as const) {
  test(`${JSON.stringify(text)} is refused`, () => {
    assert.throws(() => parseSpec(text, spec), words);
  });
}

test.run();
