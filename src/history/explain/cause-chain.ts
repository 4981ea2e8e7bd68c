/**
 * The chain of causes of some events, back to an operator's request, a node or a timer. It passes through the containers
 * that were replaced one after the other, so far and no further.
 */

import type { EventType } from '../../events/schema/catalog.ts';
import type { LogEvent } from '../../events/schema/event.ts';
import { streams } from '../../events/schema/event.ts';
import { describeSpecChanges, detailsOf } from '../sentences/event-details.ts';
import { sentenceOf } from '../sentences/event-sentences.ts';
import { findCause, findSpecChange, specChangeTypes } from './cause.ts';
import type { LogLookup } from './log-lookup.ts';

export type Link = {
  position: number;
  at: string;
  type: EventType;
  stream: string;
  actor: string;
  sentence: string;
  /** Further lines: candidates, who was ruled out, last log lines, what a request changed. */
  details: string[];
  /** Position of its cause; null: an operator, a node or a timer. Left out of the chain only where `left` says so. */
  because: number | null;
};

export type Chain = {
  /** Newest first: each link comes before its cause. */
  chain: Link[];
  /** Replaced containers before the last one shown; null when the chain is whole. The request they served is shown. */
  left: { containers: number; isAtLeast: boolean } | null;
};

/** Containers a chain passes through beside those asked about: a slot that fails all night repeats itself. */
export const passedMax = 5;
/** Those beyond are counted, each by one look. */
export const countedMax = 20;

/**
 * @param seeds what is asked about; all of them are links
 * @param passed how many containers to pass through, at most; default `passedMax`
 */
export async function traceChain(
  lookup: LogLookup,
  seeds: readonly LogEvent[],
  options: { passed?: number } = {},
): Promise<Chain> {
  const { passed: most = passedMax } = options;
  const links = new Map<number, Link>();
  const waiting = new Map(seeds.map((event) => [event.position, event]));
  const asked = new Set(seeds.map(containerOf));
  const passed = new Set<string>();
  let left: Chain['left'] = null;

  while (waiting.size > 0) {
    const position = Math.max(...waiting.keys());
    const event = waiting.get(position)!;
    waiting.delete(position);
    const cause = await findCause(lookup, event);
    links.set(position, await toLink(lookup, event, cause));
    if (!cause || links.has(cause.position)) continue;
    const next = containerOf(cause);
    if (next === null || asked.has(next) || passed.has(next) || passed.size < most) {
      if (next !== null && !asked.has(next)) passed.add(next);
      waiting.set(cause.position, cause);
      continue;
    }
    left = addCounts(left, await countBefore(lookup, next));
    const change = await findSpecChange(lookup, serviceOf(event), event.position, null);
    if (change && !links.has(change.position)) waiting.set(change.position, change);
  }
  return { chain: [...links.values()].sort((a, b) => b.position - a.position), left };
}

function containerOf(event: LogEvent): string | null {
  const { container } = event.data as { container?: unknown };
  return typeof container === 'string' ? container : null;
}

const serviceOf = (event: LogEvent): string => (event.data as { service: string }).service;

async function countBefore(lookup: LogLookup, container: string): Promise<NonNullable<Chain['left']>> {
  let containers = 0;
  for (let next: string | null = container; next !== null; containers += 1) {
    if (containers === countedMax) return { containers, isAtLeast: true };
    const queued: LogEvent | undefined = (await lookup.ofContainer(next)).find(
      ({ type }) => type === 'ContainerQueued',
    );
    next = queued?.type === 'ContainerQueued' ? queued.data.replaces : null;
  }
  return { containers, isAtLeast: false };
}

function addCounts(a: Chain['left'], b: NonNullable<Chain['left']>): NonNullable<Chain['left']> {
  if (!a) return b;
  return { containers: a.containers + b.containers, isAtLeast: a.isAtLeast || b.isAtLeast };
}

async function toLink(lookup: LogLookup, event: LogEvent, cause: LogEvent | null): Promise<Link> {
  const { position, at, type, stream, meta } = event;
  const details = event.type === 'ServiceRequested' ? await changesOf(lookup, event) : detailsOf(event);
  return {
    position,
    at,
    type,
    stream,
    actor: meta.actor,
    sentence: sentenceOf(event),
    details,
    because: cause?.position ?? null,
  };
}

/** What a request changed of the one before. */
async function changesOf(lookup: LogLookup, event: LogEvent<'ServiceRequested'>): Promise<string[]> {
  const { service, generation, changed, container, replicas } = event.data;
  if (!changed || generation === 1) return [];
  const earlier = await lookup.before(event.position, { streams: [streams.service(service)], types: specChangeTypes });
  const removedFirst = earlier[0]?.type === 'ServiceRemovalRequested';
  const before = earlier.find((change) => change.type === 'ServiceRequested');
  if (removedFirst || before?.type !== 'ServiceRequested') return [];
  const [last] = earlier;
  const replicasBefore = last && 'replicas' in last.data ? last.data.replicas : replicas;
  const lines = replicasBefore === replicas ? [] : [`replicas ${replicasBefore} → ${replicas}`];
  return [...lines, ...describeSpecChanges(before.data.container, container)].map((line) => `changed: ${line}`);
}
