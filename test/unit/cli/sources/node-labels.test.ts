/** Labels of nodes as people write them. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseNodeLabels } from '../../../../src/cli/sources/node-labels.ts';

const test = suite('labels of nodes');

test('with a value it is set, with a hyphen at its end it is taken away', () => {
  assert.equal(parseNodeLabels(['zone=a', 'disk-', 'empty=', 'rack-no=r=1', 'team/owner-']), {
    ...{ zone: 'a', disk: null, empty: '', 'rack-no': 'r=1', 'team/owner': null },
  });
  assert.equal(parseNodeLabels(['a=b-']), { a: 'b-' });
});

for (const [args, words] of [
  [['zone'], /"zone" is no label: zone=a sets one, zone- takes it away/],
  [['=a'], /"=a" is no label/],
  [['-'], /"-" is no label/],
  [['zone=a', 'zone-'], /zone is given twice/],
] as const) {
  test(`${args.join(' ')} is refused`, () => {
    assert.throws(() => parseNodeLabels(args), words);
  });
}

test.run();
