/** The machine of a container, drawn: the state it is in is lit, and so is the way it took. */

import type { ContainerState } from '../../model/container.ts';
import { layOutMachine, type Visit } from '../source/machine-graph.ts';

const graph = layOutMachine();

export function Machine({ visits, health }: { visits: readonly Visit[]; health: string | null }) {
  const present = visits.at(-1)?.state ?? null;
  const visited = new Set<ContainerState>(visits.map(({ state }) => state));
  const taken = new Set(visits.slice(1).map(({ state }, index) => `${visits[index]!.state} ${state}`));
  const way = visits.map(({ state }) => state).join(', then ');
  return (
    <svg
      class="co-machine"
      viewBox={`0 0 ${graph.width} ${graph.height}`}
      role="img"
      aria-label={`The machine of a container. It was ${way === '' ? 'in no state' : way}.`}
      data-testid="machine"
      data-present={present ?? ''}
    >
      {graph.edges.map(({ from, to, inputs, points }) => (
        <path
          key={`${from} ${to}`}
          class={`co-edge ${taken.has(`${from} ${to}`) ? 'co-taken' : ''}`}
          d={`M ${points.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`).join(' L ')}`}
        >
          <title>{`${from} → ${to}: ${inputs.join(', ')}`}</title>
        </path>
      ))}
      {graph.states.map(({ state, x, y, width, height }) => (
        <g
          key={state}
          class={`co-state ${visited.has(state) ? 'co-visited' : ''} ${state === present ? 'co-present' : ''}`}
        >
          <rect x={x - width / 2} y={y - height / 2} width={width} height={height} rx={6} />
          <text x={x} y={y} dominant-baseline="central" text-anchor="middle">
            {state === 'running' && present === 'running' && health !== null ? health : state}
          </text>
        </g>
      ))}
    </svg>
  );
}
