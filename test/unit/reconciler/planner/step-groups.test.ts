/** How planned steps become appends of a size the log takes, and what is in one append in any case. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PlannedType, Step } from '../../../../src/reconciler/planner/step.ts';
import { groupSteps } from '../../../../src/reconciler/planner/step-groups.ts';

const test = suite('groups of steps');

const step = (type: PlannedType, fillerBytes = 0): Step => {
  const event = { type, stream: 'service/web', data: 'x'.repeat(fillerBytes), meta: {} };
  return { subject: { kind: 'service', name: 'web' }, event, expect: [] } as unknown as Step;
};
const stops = (count: number) => Array.from({ length: count }, () => step('ContainerStopRequested'));
const typesOf = (groups: Step[][]) => groups.map((group) => [...new Set(group.map(({ event }) => event.type))]);

test('a subject with more steps than fit is cut, and what goes onto its own stream comes last', () => {
  const groups = groupSteps([step('RolloutStarted'), ...stops(450)]);
  assert.equal(typesOf(groups), [['ContainerStopRequested'], ['RolloutStarted']]);
});

for (const [what, steps] of [
  ['many steps', stops(449)],
  ['large steps', [step('ContainerStopRequested', 650_000)]],
] as const) {
  test(`a rollout that is given up and the way back are one append, also after ${what}`, () => {
    const groups = groupSteps([...steps, step('RolloutFailed'), step('ServiceRequested', 60_000)]);
    assert.equal(typesOf(groups), [['ContainerStopRequested', 'RolloutFailed', 'ServiceRequested']]);
  });
}

test.run();
