/** Machines and charts as drawings: their states and what leads where, read from the definitions themselves. Pure. */

import dagre from '@dagrejs/dagre';
import { type ContainerState, containerStates } from '../../model/container.ts';
import { type ContainerInput, containerMachine } from '../../model/container-machine.ts';
import { type Chart, liveStatuses } from '../../model/status-charts.ts';

export type GraphPoint = { x: number; y: number };
export type GraphBox = GraphPoint & { width: number; height: number };
export type GraphState = GraphBox & { state: string };
export type GraphEdge = { from: string; to: string; inputs: readonly string[]; points: readonly GraphPoint[] };
/** `group`: its states may follow each other in any order, and a way between two of them is drawn when it was taken. */
export type MachineGraph = {
  width: number;
  height: number;
  states: readonly GraphState[];
  edges: readonly GraphEdge[];
  group: GraphBox | null;
};

const box = { width: 84, height: 30 };

type Edge = Omit<GraphEdge, 'points'>;

function layOut(states: readonly string[], edges: readonly Edge[]): MachineGraph {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: 'LR', nodesep: 14, ranksep: 30 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const state of states) graph.setNode(state, { ...box });
  for (const { from, to } of edges) graph.setEdge(from, to);
  dagre.layout(graph);
  const boxes = states.map((state) => ({ state, ...(graph.node(state) as GraphPoint), ...box }));
  const drawn = edges.map((edge) => ({ ...edge, points: (graph.edge(edge.from, edge.to) as GraphEdge).points }));
  return frame(boxes, drawn);
}

const margin = 6;

/** Ways back may lead outside of what dagre takes for the drawing. */
function frame(boxes: readonly GraphState[], edges: readonly GraphEdge[]): MachineGraph {
  const corners = boxes.flatMap(({ x, y, width, height }) => [
    { x: x - width / 2, y: y - height / 2 },
    { x: x + width / 2, y: y + height / 2 },
  ]);
  const points = [...corners, ...edges.flatMap((edge) => edge.points)];
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const [left, top] = [Math.min(...xs) - margin, Math.min(...ys) - margin];
  const move = <T extends GraphPoint>(point: T): T => ({ ...point, x: point.x - left, y: point.y - top });
  return {
    width: Math.max(...xs) + margin - left,
    height: Math.max(...ys) + margin - top,
    states: boxes.map(move),
    edges: edges.map((edge) => ({ ...edge, points: edge.points.map(move) })),
    group: null,
  };
}

export const layOutMachine = (): MachineGraph => layOut(containerStates, edgesOfMachine());

type Target = string | { target?: string };

/** One for each pair of states, with everything that leads from the one to the other. */
function edgesOfMachine(): Edge[] {
  const edges = new Map<string, Edge & { inputs: string[] }>();
  const add = (from: ContainerState, to: Target | undefined, input: string) => {
    const state = (typeof to === 'string' ? to : to?.target) as ContainerState | undefined;
    if (state === undefined) return;
    const known = edges.get(`${from} ${state}`) ?? { from, to: state, inputs: [] };
    known.inputs.push(input);
    edges.set(`${from} ${state}`, known);
  };
  for (const from of containerStates) {
    const { on = {}, after = {} } = containerMachine.states[from]!.config;
    for (const [input, to] of Object.entries(after)) add(from, to as Target, input);
    for (const input of Object.keys(on) as ContainerInput['type'][])
      add(from, (on as Record<string, Target>)[input], input);
  }
  return [...edges.values()];
}

export const layOutChart = (chart: Chart): MachineGraph =>
  layOut(
    Object.keys(chart),
    Object.entries(chart).flatMap(([from, next]) =>
      Object.entries(next).map(([to, inputs]) => ({ from, to, inputs: inputs ?? [] })),
    ),
  );

const gap = { x: 24, y: 26 };
const inset = 10;
const groupColumns = 3;

/** Every status may follow every other: with all those edges nothing else would be seen, so the statuses stand in a box. */
export function layOutServiceChart(chart: Chart): MachineGraph {
  const place = (column: number, row: number): GraphBox => ({
    x: margin + inset + box.width / 2 + column * (box.width + gap.x),
    y: margin + inset + box.height / 2 + row * (box.height + gap.y),
    ...box,
  });
  const inside = liveStatuses.map((state, index) => ({
    state,
    ...place(index % groupColumns, Math.floor(index / groupColumns)),
  }));
  const last = inside.at(-1)!;
  const [width, height] = [last.x + box.width / 2 + inset - margin, last.y + box.height / 2 + inset - margin];
  const group = { x: margin + width / 2, y: margin + height / 2, width, height };
  const right = { x: margin + width + 36 + box.width / 2, ...box };
  const removing = { state: 'removing', ...right, y: inside[0]!.y };
  const removed = { state: 'removed', ...right, y: last.y };
  const edges = [
    { ...{ from: 'any', to: removing.state }, points: lineBetween({ ...group, y: removing.y }, removing) },
    { ...{ from: removing.state, to: removed.state }, points: lineBetween(removing, removed) },
  ].map((edge) => ({ ...edge, inputs: chart[edge.from === 'any' ? last.state : edge.from]![edge.to]! }));
  const size = { width: right.x + box.width / 2 + margin, height: height + 2 * margin };
  return { ...size, states: [...inside, removing, removed], edges, group };
}

/** How far a way is bent to its right, so that the way back is another. */
const bend = 0.16;
const bendMin = 9;

/** From edge to edge of two boxes, bent. */
export function curveBetween(from: GraphBox, to: GraphBox): [start: GraphPoint, middle: GraphPoint, end: GraphPoint] {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  const by = Math.max(bendMin, bend * length);
  const middle = { x: (from.x + to.x) / 2 - (dy / length) * by, y: (from.y + to.y) / 2 + (dx / length) * by };
  return [leave(from, middle), middle, leave(to, middle)];
}

const lineBetween = (from: GraphBox, to: GraphBox): GraphPoint[] => [leave(from, to), leave(to, from)];

/** Where a line from the middle of a box to a point leaves the box. */
function leave({ x, y, width, height }: GraphBox, to: GraphPoint): GraphPoint {
  const [dx, dy] = [to.x - x, to.y - y];
  const share = Math.min(1, width / 2 / Math.abs(dx || 1e-9), height / 2 / Math.abs(dy || 1e-9));
  return { x: x + dx * share, y: y + dy * share };
}
