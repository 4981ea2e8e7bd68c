/** The drawings of machines and charts say what those do, and nothing else. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  curveBetween,
  type GraphPoint,
  layOutChart,
  layOutMachine,
  layOutServiceChart,
  type MachineGraph,
} from '../../../../src/dashboard/source/machine-graph.ts';
import { type ContainerState, containerStates } from '../../../../src/model/container.ts';
import { type ContainerInput, isTerminal, nextOnInput } from '../../../../src/model/container-machine.ts';
import {
  availabilityChart,
  type Chart,
  liveStatuses,
  nodeReachChart,
  rolloutChart,
  serviceChart,
} from '../../../../src/model/status-charts.ts';

const test = suite('the drawing of a machine');
const graph = layOutMachine();

function assertApart({ states }: MachineGraph): void {
  for (const [index, a] of states.entries()) {
    for (const b of states.slice(index + 1)) {
      assert.ok(Math.abs(a.x - b.x) >= a.width || Math.abs(a.y - b.y) >= a.height, `${a.state} lies on ${b.state}`);
    }
  }
}

test('every state is there once, and none lies on another', () => {
  assert.equal(graph.states.map(({ state }) => state).toSorted(), [...containerStates].toSorted());
  assertApart(graph);
});

test('each edge is a step that the machine takes, and all of them are drawn', () => {
  let drawn = 0;
  for (const { from, to, inputs, points } of graph.edges) {
    assert.ok(points.length >= 2);
    for (const input of inputs) {
      drawn += 1;
      if (input === 'queueTimeout') continue;
      assert.is(nextOnInput(from as ContainerState, input as ContainerInput['type']), to, `${from} on ${input}`);
    }
  }
  assert.ok(drawn > 20);
  for (const state of containerStates) {
    assert.is(
      graph.edges.some(({ from }) => from === state),
      !isTerminal(state),
      state,
    );
  }
});

const chartGraphs = {
  ...{ reach: [nodeReachChart, layOutChart(nodeReachChart)], rollout: [rolloutChart, layOutChart(rolloutChart)] },
  availability: [availabilityChart, layOutChart(availabilityChart)],
  status: [serviceChart, layOutServiceChart(serviceChart)],
} as const;

for (const [name, [chart, drawing]] of Object.entries(chartGraphs) as [string, [Chart, MachineGraph]][]) {
  test(`the chart ${name} is drawn whole, and nothing but its steps`, () => {
    assert.equal(drawing.states.map(({ state }) => state).toSorted(), Object.keys(chart).toSorted());
    assertApart(drawing);
    for (const { from, to, inputs } of drawing.edges)
      for (const state of from === 'any' ? liveStatuses : [from])
        assert.equal(chart[state]?.[to], inputs, `${from} → ${to}`);
    if (drawing.group) return;
    const steps = Object.values(chart).reduce((sum, next) => sum + Object.keys(next).length, 0);
    assert.is(drawing.edges.length, steps);
  });
}

test('of a service the statuses that may follow each other are in one box, and the others outside', () => {
  const { group, states } = chartGraphs.status[1];
  const inside = states.filter(({ x }) => x < group!.x + group!.width / 2).map(({ state }) => state);
  assert.equal(inside.toSorted(), [...liveStatuses].toSorted());
  for (const from of liveStatuses)
    for (const to of liveStatuses) assert.is(serviceChart[from][to] !== undefined, from !== to, `${from} → ${to}`);
});

test('a way that was taken begins and ends at the boxes, and the way back is another', () => {
  const [a, b] = [
    { x: 0, y: 0, width: 40, height: 20 },
    { x: 100, y: 0, width: 40, height: 20 },
  ];
  const [there, back] = [curveBetween(a, b), curveBetween(b, a)];
  for (const [from, , to] of [there, back.toReversed()] as [GraphPoint, GraphPoint, GraphPoint][]) {
    assert.is(Math.abs(from.x) === 20 || Math.abs(from.y) === 10, true);
    assert.is(Math.abs(to.x - 100) === 20 || Math.abs(to.y) === 10, true);
  }
  assert.is(Math.sign(there[1].y), -Math.sign(back[1].y));
});

test.run();
