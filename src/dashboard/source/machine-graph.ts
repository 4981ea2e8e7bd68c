/** The machine of a container as a drawing: its states and what leads where, read from the machine itself, laid out by dagre. Pure. */

import dagre from '@dagrejs/dagre';
import type { LogEvent } from '../../events/schema/event.ts';
import { type ContainerState, containerStates } from '../../model/container.ts';
import { type ContainerInput, containerMachine, nextContainerState } from '../../model/container-machine.ts';

export type GraphState = { state: ContainerState; x: number; y: number; width: number; height: number };
export type GraphEdge = {
  from: ContainerState;
  to: ContainerState;
  inputs: string[];
  points: { x: number; y: number }[];
};
export type MachineGraph = { width: number; height: number; states: GraphState[]; edges: GraphEdge[] };

const box = { width: 86, height: 30 };

export function layOutMachine(): MachineGraph {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: 'LR', nodesep: 14, ranksep: 46, marginx: 6, marginy: 6 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const state of containerStates) graph.setNode(state, { ...box });
  const edges = edgesOfMachine();
  for (const { from, to } of edges) graph.setEdge(from, to);
  dagre.layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  return {
    width,
    height,
    states: containerStates.map((state) => {
      const { x, y } = graph.node(state) as { x: number; y: number };
      return { state, x, y, ...box };
    }),
    edges: edges.map((edge) => ({
      ...edge,
      points: (graph.edge(edge.from, edge.to) as Omit<GraphEdge, 'from'>).points,
    })),
  };
}

type Target = string | { target?: string };

/** One for each pair of states, with everything that leads from the one to the other. */
function edgesOfMachine(): Omit<GraphEdge, 'points'>[] {
  const edges = new Map<string, Omit<GraphEdge, 'points'>>();
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

export type Visit = { state: ContainerState; at: string; position: number };

/** The states that a container was in, by the facts of its stream, the first first. */
export function visitsOf(facts: readonly LogEvent[]): Visit[] {
  const visits: Visit[] = [];
  for (const { type, at, position } of facts) {
    const last = visits.at(-1);
    const state = last ? nextContainerState(last.state, type) : type === 'ContainerQueued' ? 'in queue' : null;
    if (state !== null) visits.push({ state, at, position });
  }
  return visits;
}
