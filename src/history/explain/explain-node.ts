/** Answers "why is this node as it is": whether it is used, and what last changed that. */

import type { EventType } from '../../events/schema/catalog.ts';
import { streams } from '../../events/schema/event.ts';
import type { NodeRow } from '../../projections/rows/node-row.ts';
import { sentenceOf } from '../sentences/event-sentences.ts';
import { formatCount, formatPointInTime } from '../sentences/format-values.ts';
import { type Chain, traceChain } from './cause-chain.ts';
import { createLogLookup } from './log-lookup.ts';

export type WhyNode = Chain & {
  position: number;
  at: string;
  subject: { kind: 'node'; node: string; state: NodeRow['state']; availability: NodeRow['availability'] };
  /** One sentence. */
  answer: string;
  notes: string[];
};

const comings: readonly EventType[] = ['NodeRegistered', 'NodeReturned', 'NodeLost', 'NodeSilent', 'NodeHeard'];
const availabilities: readonly EventType[] = ['NodeCordoned', 'NodeDrainRequested', 'NodeActivated'];

type Row = Pick<NodeRow, 'node' | 'state' | 'availability' | 'containers' | 'reason' | 'suspect'>;

/**
 * @param row of the node, as of `position`
 * @throws AppError `log_unavailable` · the signal's reason
 */
export async function explainNode(
  log: Parameters<typeof createLogLookup>[0],
  row: Row,
  { position, at, signal }: { position: number; at: string; signal?: AbortSignal },
): Promise<WhyNode> {
  const { node, state, availability, suspect } = row;
  const lookup = createLogLookup(log, { end: position, signal });
  const about = { streams: [streams.node(node)] };
  const [coming] = await lookup.before(position + 1, { ...about, types: comings });
  const [placing] = await lookup.before(position + 1, { ...about, types: availabilities });
  const seeds = [coming, availability === 'active' ? undefined : placing].filter((event) => event !== undefined);
  const latest = seeds.toSorted((a, b) => b.position - a.position)[0];
  const since = latest ? `; ${sentenceOf(latest)} at ${formatPointInTime(latest.at)}` : '';
  return {
    ...{ position, at, subject: { kind: 'node', node, state, availability } },
    answer: `${describeNode(row)}${since}`,
    notes: suspect ? [`suspect since ${formatPointInTime(suspect.since)}: ${suspect.message}`] : [],
    ...(await traceChain(lookup, seeds)),
  };
}

function describeNode({ node, state, availability, containers, reason }: Row): string {
  if (reason !== null) return `${node} is not used: ${reason}`;
  const used = availability === 'active' ? 'is used' : `is ${availability}, so nothing new is placed there`;
  return `${node} is ${state} and ${used}: ${formatCount(containers, 'container')}`;
}
