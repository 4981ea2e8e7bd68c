/**
 * Plans the alarm about nodes that name one engine and describe it differently: a machine that was cloned, or an agent that says
 * what is not true. Each then has what it says, and holds what runs on it alone. Pure.
 */

import { alarmNames } from '../../model/alarm.ts';
import type { ClusterView, NodeView } from '../../projections/view/cluster-view.ts';
import { alarmSteps, clearAlarm, raiseAlarm, subjectsOf } from './alarms.ts';
import type { Step } from './step.ts';

const alarm = alarmNames.engineFigures;

/** @param touched nodes about which something changed */
export function planEngines(view: ClusterView, touched: ReadonlySet<string>): Step[] {
  const engineIds = new Set([...touched].flatMap((id) => view.nodes.get(id)?.engine.engineId ?? []));
  const raised = [...engineIds].flatMap((subject) => {
    const differing = findDiffering(view, subject);
    return differing ? alarmSteps(raiseAlarm(view, { alarm, subject, message: describe(differing) })) : [];
  });
  const over = subjectsOf(view, alarm).filter((subject) => findDiffering(view, subject) === null);
  return [...raised, ...over.flatMap((subject) => alarmSteps(clearAlarm(view, { alarm, subject })))];
}

/** Two of its nodes that do not agree; null: all do. */
function findDiffering(view: ClusterView, engineId: string): [NodeView, NodeView] | null {
  const engine = view.engines.get(engineId);
  if (!engine?.isDisputed) return null;
  const [first, ...others] = [...engine.nodes].flatMap((id) => {
    const node = view.nodes.get(id);
    return node && node.state !== 'lost' ? [node] : [];
  });
  const other = others.find(({ engine: { memoryBytes, cpuMillis } }) => {
    return memoryBytes !== first!.engine.memoryBytes || cpuMillis !== first!.engine.cpuMillis;
  });
  return first && other ? [first, other] : null;
}

function describe([one, other]: [NodeView, NodeView]): string {
  const figures = ({ id, hostname, engine }: NodeView) =>
    `${id} on ${hostname} (${engine.memoryBytes} bytes, ${engine.cpuMillis / 1_000} CPUs)`;
  return `${figures(one)} and ${figures(other)} name one engine and describe it differently: give a cloned machine an engine id of its own`;
}
