/**
 * What the lines of an exported log must be: order, positions, times, the hash of each body, the chain of commits, and
 * the counts of the last line. Their shapes were checked before. Pure.
 */

import { appendEventsMax, emptyHead, type LogHead } from '../../events/log/event-log.ts';
import { canonicalJson } from '../../events/schema/canonical-json.ts';
import type { StoredEvent } from '../../events/schema/event.ts';
import { hashBody, hashCommit } from '../../events/schema/hash.ts';
import {
  type CommitLine,
  type EndLine,
  type EventLine,
  formatVersion,
  type ManifestLine,
  sourceOf,
  type Totals,
} from './archive-lines.ts';

/** `broken`: what is said of the line when it does not hold. */
export type Rule = readonly [holds: boolean, broken: string];

export function manifestRules({ formatVersion: found, after, through }: ManifestLine): Rule[] {
  return [
    [found === formatVersion, `the file has format ${found}, this program knows ${formatVersion}`],
    [after.slot < through.slot && after.position < through.position, 'its range is empty'],
    [after.slot > 0 || isEqual(after, emptyHead), 'no log begins like this'],
  ];
}

export function headerRules(header: CommitLine, before: LogHead): Rule[] {
  const { slot, first, count, at, appends, pruned } = header;
  const countOfAppends = appends.reduce((sum, append) => sum + append.count, 0);
  return [
    [slot === before.slot + 1, `slot ${slot} does not follow slot ${before.slot}`],
    [first === before.position + 1, `position ${first} does not follow position ${before.position}`],
    [at >= before.at, `${at} is earlier than the commit before`],
    [count <= appendEventsMax, `a commit holds at most ${appendEventsMax} events, not ${count}`],
    [countOfAppends === count, 'its appends do not add up to its count'],
    [!pruned || header.class === 'telemetry', 'a fact is never pruned'],
    [
      hashCommit(before.hash, header) === header.hash,
      `it is not what was written: the hash of slot ${slot} is another`,
    ],
  ];
}

/** @param index of the event in its commit */
export function eventRules(
  event: EventLine,
  { header, index, clusterId }: { header: CommitLine; index: number; clusterId: string },
): Rule[] {
  const position = header.first + index;
  return [
    [event.source === sourceOf(clusterId), 'its source is another cluster'],
    [event.sequence === `${position}`, `its sequence is ${event.sequence}, its place is position ${position}`],
    [event.time === header.at, `its time is not that of its commit, ${header.at}`],
    [(event.streamversion === 0) === (header.class === 'telemetry'), 'facts have a version, telemetry has none'],
  ];
}

type Body = {
  events: readonly StoredEvent[];
  texts: readonly string[];
  cluster: ManifestLine['cluster'];
  /** First and last line of the events. */
  lines: readonly [number, number];
};

/** Of a commit whose lines are all there. */
export function bodyRules(header: CommitLine, { events, texts, cluster, lines }: Body): Rule[] {
  const { slot, count, bodyHash, pruned } = header;
  const which = count === 1 ? 'it is' : `lines ${lines[0]} to ${lines[1]} are`;
  return [
    [pruned || hashBody(texts) === bodyHash, `${which} not what was written: the hash of slot ${slot} is another`],
    [slot > 1 || isCreationOf(cluster, events[0]), 'position 1 is not the beginning of the cluster that line 1 names'],
  ];
}

const isCreationOf = ({ id, name }: ManifestLine['cluster'], event: StoredEvent | undefined) =>
  event?.type === 'ClusterCreated' && isEqual(event.data, { clusterId: id, name });

type Taken = { manifestHash: string; totals: Totals; head: LogHead; through: ManifestLine['through'] };

export function endRules(end: EndLine, { manifestHash, totals, head, through }: Taken): Rule[] {
  return [
    [end.manifestHash === manifestHash, 'it belongs to another first line: line 1 was changed'],
    [isEqual(end.totals, totals), `it counts ${canonicalJson(end.totals)}, there were ${canonicalJson(totals)}`],
    [isEqual(end.head, head), 'its head is not the last commit'],
    [isEqual(end.head, through), 'the last commit is not the one that line 1 names'],
  ];
}

const isEqual = (a: unknown, b: unknown) => canonicalJson(a) === canonicalJson(b);
