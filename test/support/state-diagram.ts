/**
 * Draws a state machine as a Mermaid diagram from its own definition, for docs/state-machines.md. As a program,
 * `node test/support/state-diagram.ts`, it writes the diagrams into the document.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { AnyStateMachine, AnyStateNode } from 'xstate';
import { runnerMachine } from '../../src/agent/containers/runner-machine.ts';
import { sessionMachine } from '../../src/agent/session-machine.ts';
import { containerMachine } from '../../src/model/container-machine.ts';
import { availabilityChart, type Chart, nodeReachChart, rolloutChart } from '../../src/model/status-charts.ts';

/** The machines of the document, by the name in its marks. */
export const machines: Readonly<Record<string, AnyStateMachine>> = {
  container: containerMachine as AnyStateMachine,
  runner: runnerMachine as unknown as AnyStateMachine,
  session: sessionMachine as unknown as AnyStateMachine,
};

/** What may follow what, of those that have no machine and are drawn in the document. */
export const charts: Readonly<Record<string, Chart>> = {
  ...{ reach: nodeReachChart, availability: availabilityChart, rollout: rolloutChart },
};

export const documentPath = fileURLToPath(new URL('../../docs/state-machines.md', import.meta.url));

/** Everything the definition says: states, what leads where, and what is ignored on purpose is left out. */
export function drawMachine(machine: AnyStateMachine): string {
  return ['stateDiagram-v2', ...drawChildren(machine.root), ...drawTransitions(machine.root)].join('\n');
}

/** Of a chart every step, with the facts that lead there. */
function drawChart(chart: Chart): string {
  const idOf = (state: string) => state.replace(/\W/g, '_');
  const steps = Object.entries(chart).flatMap(([from, next]) =>
    Object.entries(next).map(([to, facts]) => `  ${idOf(from)} --> ${idOf(to)}: ${(facts ?? []).join(', ')}`),
  );
  return [
    'stateDiagram-v2',
    ...Object.keys(chart).map((state) => `  state "${state}" as ${idOf(state)}`),
    ...steps,
  ].join('\n');
}

/** The document with each diagram drawn again between its marks. */
export function drawInto(document: string): string {
  return document.replace(
    /(<!-- (machine|chart): (\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, begin: string, kind: string, name: string, end: string) => {
      const diagram = kind === 'chart' ? drawChart(charts[name]!) : drawMachine(machines[name]!);
      return `${begin}\n\`\`\`mermaid\n${diagram}\n\`\`\`\n\n${end}`;
    },
  );
}

const children = (node: AnyStateNode) => Object.values(node.states) as AnyStateNode[];
const idOf = (node: AnyStateNode) => node.path.join('_').replace(/\W/g, '_');
const nestedIn = (node: AnyStateNode) => '  '.repeat(node.path.length + 1);

function drawChildren(node: AnyStateNode): string[] {
  const indent = nestedIn(node);
  const [initial] = node.initial?.target ?? [];
  return [
    ...(initial ? [`${indent}[*] --> ${idOf(initial)}`] : []),
    ...children(node).flatMap((child) => {
      const title = `${indent}state "${child.key}" as ${idOf(child)}`;
      if (children(child).length === 0)
        return [title, ...(child.type === 'final' ? [`${indent}${idOf(child)} --> [*]`] : [])];
      return [`${title} {`, ...drawChildren(child), `${indent}}`];
    }),
  ];
}

function drawTransitions(node: AnyStateNode): string[] {
  const own = [...node.transitions.values()].flat().concat(node.always ?? []);
  const lines = own.flatMap(({ target, eventType }) =>
    (target ?? []).map((to) => `  ${idOf(node)} --> ${idOf(to)}${labelOf(String(eventType))}`),
  );
  return [...new Set(lines), ...children(node).flatMap(drawTransitions)];
}

/** `report.running` as it is; an invocation's end and a time-out by what they are. */
function labelOf(eventType: string): string {
  if (eventType === '') return '';
  if (eventType.startsWith('xstate.done.')) return ': done';
  if (eventType.startsWith('xstate.error.')) return ': failed';
  const timeOut = /^xstate\.after\.([^.]+)\./.exec(eventType)?.[1];
  return `: ${timeOut ? `after ${timeOut}` : eventType}`;
}

if (import.meta.main) await writeFile(documentPath, drawInto(await readFile(documentPath, 'utf8')));
