/** Plans in the words of the page; and that what the page takes answers for is what managers answer. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { describePlan, type Plan } from '../../../../src/dashboard/source/plan.ts';
import type { Density as PageDensity } from '../../../../src/dashboard/source/time-line.ts';
import type { Density } from '../../../../src/history/density/density.ts';
import type { WhatIfAnswer } from '../../../../src/history/what-if/what-if.ts';

const test = suite('plans on the page');

/** Does not compile when an answer of a manager is no longer what the page reads. */
const readPlan = (answer: WhatIfAnswer): Plan => answer;
const readDensity = (answer: Density): PageDensity => answer;

const web = { service: 'web', moved: 1, placed: 2, stopped: 1, isUntouched: false };

test('a change says what runs before and after, and what happens on the way', () => {
  const [before, after] = [
    { running: 3, image: 'a' },
    { running: 4, image: 'b', status: 'converged' },
  ];
  assert.is(
    describePlan({ ...web, before, after }),
    'web: 3 → 4 running, converged, a → b (2 placed, 1 stopped, 1 moved)',
  );
  assert.is(describePlan({ ...web, before, after: null }), 'web: removed, 1 container stopped');
});

test('answers of managers are what the page reads', () => {
  assert.type(readPlan, 'function');
  assert.type(readDensity, 'function');
});

test.run();
