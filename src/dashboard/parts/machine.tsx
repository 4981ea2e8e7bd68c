/** A machine or a chart, drawn: the state it is in is lit, and so is the way that was taken. */

import { curveBetween, type GraphPoint, type MachineGraph } from '../source/machine-graph.ts';
import type { Visit } from '../source/subject-states.ts';

type MachineProps = {
  /** Of what: `container`, `status`. */
  name: string;
  graph: MachineGraph;
  visits: readonly Visit[];
  /** In place of the name of the present state. */
  label?: string | null;
};

type Step = { from: string; to: string };
const isSame = (a: Step, b: Step) => a.from === b.from && a.to === b.to;

export function Machine({ name, graph, visits, label = null }: MachineProps) {
  const present = visits.at(-1)?.state ?? null;
  const visited = new Set(visits.map(({ state }) => state));
  const taken = stepsOf(visits);
  const undrawn = taken.filter((step) => !graph.edges.some((edge) => isSame(edge, step)));
  const arrow = `arrow-${name}`;
  return (
    <svg
      class="co-machine"
      viewBox={`0 0 ${Math.ceil(graph.width)} ${Math.ceil(graph.height)}`}
      style={{ maxWidth: `${Math.ceil(graph.width)}px` }}
      role="img"
      aria-label={`The ${name}, drawn. ${describeWay(visits)}`}
      data-testid="machine"
      data-machine={name}
      data-present={present ?? ''}
    >
      <defs>
        <marker
          id={arrow}
          viewBox="0 0 8 8"
          refX={7}
          refY={4}
          markerWidth={7}
          markerHeight={7}
          orient="auto"
          markerUnits="userSpaceOnUse"
        >
          <path class="co-arrow" d="M 0 0 L 8 4 L 0 8 z" />
        </marker>
      </defs>
      <Group graph={graph} />
      {graph.edges.map(({ from, to, inputs, points }) => (
        <path
          key={`${from}>${to}`}
          class={`co-edge ${taken.some((step) => isSame(step, { from, to })) ? 'co-taken' : ''}`}
          d={bendThrough(points)}
          marker-end={`url(#${arrow})`}
        >
          <title>{`${from} → ${to}: ${inputs.join(', ')}`}</title>
        </path>
      ))}
      {undrawn.map(({ from, to }) => (
        <path
          key={`${from}>${to}`}
          class="co-edge co-taken"
          d={curveOf(graph, from, to)}
          marker-end={`url(#${arrow})`}
        />
      ))}
      {graph.states.map(({ state, x, y, width, height }) => (
        <g
          key={state}
          class={`co-state ${visited.has(state) ? 'co-visited' : ''} ${state === present ? 'co-present' : ''}`}
        >
          <rect x={x - width / 2} y={y - height / 2} width={width} height={height} rx={6} />
          <text x={x} y={y} dominant-baseline="central" text-anchor="middle">
            {state === present && label !== null ? label : state}
          </text>
        </g>
      ))}
    </svg>
  );
}

function Group({ graph: { group } }: { graph: MachineGraph }) {
  if (!group) return null;
  const { x, y, width, height } = group;
  return (
    <rect class="co-group" x={x - width / 2} y={y - height / 2} width={width} height={height} rx={10}>
      <title>in any order</title>
    </rect>
  );
}

/** Each once. */
function stepsOf(visits: readonly Visit[]): Step[] {
  const steps: Step[] = [];
  for (const [index, { state }] of visits.slice(1).entries()) {
    const step = { from: visits[index]!.state, to: state };
    if (!steps.some((known) => isSame(known, step))) steps.push(step);
  }
  return steps;
}

/** Of a long way the last states. */
const namedMax = 12;

function describeWay(visits: readonly Visit[]): string {
  if (visits.length === 0) return 'It was in no state.';
  const named = visits.slice(-namedMax).map(({ state }) => state);
  return `It was ${named.length < visits.length ? 'at last ' : ''}${named.join(', then ')}.`;
}

const pairOf = ({ x, y }: GraphPoint): string => `${x.toFixed(1)} ${y.toFixed(1)}`;

/** Without corners, to a straight end. */
function bendThrough(points: readonly GraphPoint[]): string {
  const [start, ...rest] = points as [GraphPoint, ...GraphPoint[]];
  const bends = rest.slice(0, -1).map((point, index) => {
    const next = rest[index + 1]!;
    return `Q ${pairOf(point)} ${pairOf({ x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 })}`;
  });
  return `M ${pairOf(start)} ${bends.join(' ')} L ${pairOf(rest.at(-1)!)}`;
}

function curveOf({ states }: MachineGraph, from: string, to: string): string {
  const boxOf = (name: string) => states.find(({ state }) => state === name)!;
  const [start, middle, end] = curveBetween(boxOf(from), boxOf(to));
  return `M ${pairOf(start)} Q ${pairOf(middle)} ${pairOf(end)}`;
}
