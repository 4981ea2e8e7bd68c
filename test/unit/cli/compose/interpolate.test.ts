/** Variables in compose files. */

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of compose files look so.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { interpolateTree } from '../../../../src/cli/compose/interpolate.ts';

const test = suite('interpolation');
const variables = { TAG: '1.27', EMPTY: '', NAME: 'web' };
const put = (value: unknown) => {
  const unset: string[] = [];
  const result = interpolateTree(value, variables, (name) => unset.push(name));
  return { result, unset };
};

const cases: [text: string, result: string][] = [
  ['nginx:$TAG', 'nginx:1.27'],
  ['nginx:${TAG}-alpine', 'nginx:1.27-alpine'],
  ['${NONE:-a}${NONE-b}${EMPTY:-c}${EMPTY-d}', 'abc'],
  ['${TAG:+set}${NONE:+set}${EMPTY+set}${EMPTY:+set}', 'setset'],
  ['${NONE:-${NAME}-${OTHER:-x}}', 'web-x'],
  ['costs $$5, $${TAG}', 'costs $5, ${TAG}'],
  ['${TAG:?must be set}', '1.27'],
];
for (const [text, result] of cases) {
  test(`${text} is ${JSON.stringify(result)}`, () => {
    assert.equal(put(text), { result, unset: [] });
  });
}

test('what is not set is empty, and named', () => {
  assert.equal(put({ image: 'nginx:$NONE', n: 3, list: ['${OTHER}', true, null] }), {
    result: { image: 'nginx:', n: 3, list: ['', true, null] },
    unset: ['NONE', 'OTHER'],
  });
});

test('names of members are left as they are', () => {
  assert.equal(put({ $TAG: 'a' }).result, { $TAG: 'a' });
});

for (const [text, words] of [
  ['${NONE:?set the $NAME tag}', /the variable NONE is required: set the web tag/],
  ['${EMPTY:?}', /the variable EMPTY is required: it is not set/],
  ['${TAG', /a brace is not closed/],
  ['a $ b', /a \$ is written \$\$/],
  ['${TAG!x}', /no such form/],
  ['${}', /no such form/],
] as const) {
  test(`${text} is refused`, () => assert.throws(() => put(text), words));
}

test.run();
