/**
 * Owns what an exported log must be, line by line: shapes, order, positions, times, the hash of each body, the chain of
 * commits, and the last line's counts. Nothing comes out of it before all of its commit was checked. No I/O.
 */

import { createHash } from 'node:crypto';
import { AppError } from '../../errors.ts';
import type { PreparedCommit } from '../../events/log/commit-store.ts';
import { appendEventsMax, emptyHead, type LogHead } from '../../events/log/event-log.ts';
import { canonicalJson } from '../../events/schema/canonical-json.ts';
import type { StoredEvent } from '../../events/schema/event.ts';
import { hashBody, hashCommit } from '../../events/schema/hash.ts';
import {
  type CommitLine,
  type EndLine,
  type EventLine,
  formatVersion,
  lineChecks,
  type ManifestLine,
  sourceOf,
  type Totals,
  toCommit,
  toStoredEvent,
} from './archive-lines.ts';

export type CheckedCommit = PreparedCommit & {
  /** Number of its first line; its events have the next ones. */
  line: number;
};

export type TransferCheck = {
  /**
   * Takes the next line.
   * @returns the commit that is whole with it, else null
   * @throws AppError `transfer_line_invalid` (details.line, .rule)
   */
  take(text: string): CheckedCommit | null;
  /** There are no more lines. @throws AppError `transfer_line_invalid` when the last one is missing */
  end(): void;
  /** null before the first line. */
  manifest(): ManifestLine | null;
  /** The last whole commit. */
  head(): LogHead;
  totals(): Totals;
  /** Forgets the lines of a commit that is not whole. */
  dropOpen(): void;
  /** What comes next is a commit's header or the last line. */
  isBetweenCommits(): boolean;
  hasEnded(): boolean;
};

/** Before the first commit. */
export const noTotals: Totals = { commits: 0, events: 0, prunedCommits: 0, prunedEvents: 0 };

type Open = { header: CommitLine; line: number; events: StoredEvent[]; texts: string[] };

export function createTransferCheck(): TransferCheck {
  let line = 0;
  let manifest: { value: ManifestLine; hash: string } | null = null;
  let head: LogHead | null = null;
  let totals = noTotals;
  let open: Open | null = null;
  let hasEnded = false;

  const refuse = (rule: string, at: number = line): never => {
    const message = `line ${at}: ${rule}`;
    throw new AppError('transfer_line_invalid', message, { details: { line: at, rule } });
  };
  const demand = (holds: boolean, rule: string) => {
    if (!holds) refuse(rule);
  };
  const parse = <K extends keyof typeof lineChecks>(kind: K, text: string): LineOf[K] => {
    const value = parseJson(text) ?? refuse('it is not JSON');
    const check = lineChecks[kind];
    if (!check.Check(value)) {
      const error = check.Errors(value).First();
      refuse(`it is no line of kind ${kind}: ${error?.path || 'the value'}: ${error?.message ?? ''}`);
    }
    return value as LineOf[K];
  };

  const takeManifest = (text: string) => {
    const value = parse('manifest', text);
    const { formatVersion: found, after, through } = value;
    demand(found === formatVersion, `the file has format ${found}, this program knows ${formatVersion}`);
    demand(after.slot < through.slot && after.position < through.position, 'its range is empty');
    demand(after.slot > 0 || canonicalJson(after) === canonicalJson(emptyHead), 'no log begins like this');
    manifest = { value, hash: hashOf(text) };
    head = after;
  };

  const takeHeader = (text: string, before: LogHead) => {
    const header = parse('commit', text);
    const { slot, first, count, at, appends, pruned } = header;
    demand(slot === before.slot + 1, `slot ${slot} does not follow slot ${before.slot}`);
    demand(first === before.position + 1, `position ${first} does not follow position ${before.position}`);
    demand(at >= before.at, `${at} is earlier than the commit before`);
    demand(count <= appendEventsMax, `a commit holds at most ${appendEventsMax} events, not ${count}`);
    demand(appends.reduce((sum, append) => sum + append.count, 0) === count, 'its appends do not add up to its count');
    demand(!pruned || header.class === 'telemetry', 'a fact is never pruned');
    demand(
      hashCommit(before.hash, header) === header.hash,
      `it is not what was written: the hash of slot ${slot} is another`,
    );
    open = { header, line, events: [], texts: [] };
  };

  const takeEvent = (text: string, { header, events, texts }: Open) => {
    const event = parse('event', text);
    const position = header.first + events.length;
    demand(event.source === sourceOf(manifest!.value.cluster.id), 'its source is another cluster');
    demand(event.sequence === `${position}`, `its sequence is ${event.sequence}, its place is position ${position}`);
    demand(event.time === header.at, `its time is not that of its commit, ${header.at}`);
    demand((event.streamversion === 0) === (header.class === 'telemetry'), 'facts have a version, telemetry has none');
    const stored = toStoredEvent(event);
    events.push(stored);
    texts.push(canonicalJson(stored));
  };

  const closeCommit = ({ header, events, texts, line: begin }: Open): CheckedCommit => {
    const { slot, first, count, at, hash, bodyHash, pruned } = header;
    if (!pruned && hashBody(texts) !== bodyHash) {
      const lines = count === 1 ? 'it is' : `lines ${begin + 1} to ${line} are`;
      refuse(`${lines} not what was written: the hash of slot ${slot} is another`);
    }
    if (slot === 1) demandCluster(events[0]);
    open = null;
    head = { slot, position: first + count - 1, at, hash };
    totals = {
      commits: totals.commits + 1,
      events: totals.events + count,
      prunedCommits: totals.prunedCommits + (pruned ? 1 : 0),
      prunedEvents: totals.prunedEvents + (pruned ? count : 0),
    };
    return { commit: toCommit(header, events), eventTexts: pruned ? null : texts, line: begin };
  };

  const demandCluster = (event: StoredEvent | undefined) => {
    const { id, name } = manifest!.value.cluster;
    const begins = { type: 'ClusterCreated', data: { clusterId: id, name } };
    demand(
      event?.type === begins.type && canonicalJson(event.data) === canonicalJson(begins.data),
      'position 1 is not the beginning of the cluster that line 1 names',
    );
  };

  const takeEnd = (text: string, { value, hash }: { value: ManifestLine; hash: string }) => {
    const end = parse('end', text);
    const isEqual = (a: unknown, b: unknown) => canonicalJson(a) === canonicalJson(b);
    demand(end.manifestHash === hash, 'it belongs to another first line: line 1 was changed');
    demand(isEqual(end.totals, totals), `it counts ${canonicalJson(end.totals)}, there were ${canonicalJson(totals)}`);
    demand(isEqual(end.head, head), 'its head is not the last commit');
    demand(isEqual(end.head, value.through), 'the last commit is not the one that line 1 names');
    hasEnded = true;
  };

  return {
    take(text) {
      line += 1;
      demand(!hasEnded, 'nothing may follow the last line');
      if (!manifest || !head) {
        takeManifest(text);
        return null;
      }
      if (open) takeEvent(text, open);
      else if (head.slot === manifest.value.through.slot) {
        takeEnd(text, manifest);
        return null;
      } else takeHeader(text, head);
      const { header, events } = open!;
      return header.pruned || events.length === header.count ? closeCommit(open!) : null;
    },
    end() {
      line += 1;
      if (!hasEnded) refuse('the file was cut off: its last line is missing');
    },
    manifest: () => manifest?.value ?? null,
    head: () => head ?? refuse('there is no first line'),
    totals: () => totals,
    dropOpen() {
      if (open) line = open.line - 1;
      open = null;
    },
    isBetweenCommits: () => manifest !== null && open === null,
    hasEnded: () => hasEnded,
  };
}

type LineOf = { manifest: ManifestLine; commit: CommitLine; event: EventLine; end: EndLine };

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
