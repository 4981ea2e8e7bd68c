/** Takes an exported log line by line. A commit comes out of it when all of its lines were checked. No I/O. */

import { createHash } from 'node:crypto';
import { AppError } from '../../errors.ts';
import type { PreparedCommit } from '../../events/log/commit-store.ts';
import type { LogHead } from '../../events/log/event-log.ts';
import { canonicalJson } from '../../events/schema/canonical-json.ts';
import type { StoredEvent } from '../../events/schema/event.ts';
import {
  type CommitLine,
  type EndLine,
  type EventLine,
  lineChecks,
  type ManifestLine,
  type Totals,
  toCommit,
  toStoredEvent,
} from './archive-lines.ts';
import { bodyRules, endRules, eventRules, headerRules, manifestRules, type Rule } from './archive-rules.ts';

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
const noTotals: Totals = { commits: 0, events: 0, prunedCommits: 0, prunedEvents: 0 };

type Open = { header: CommitLine; line: number; events: StoredEvent[]; texts: string[] };

export function createTransferCheck(): TransferCheck {
  const lines = createLineReader();
  const { refuse, demand, parse } = lines;
  let manifest: { value: ManifestLine; hash: string } | null = null;
  let head: LogHead | null = null;
  let totals = noTotals;
  let open: Open | null = null;
  let hasEnded = false;

  const takeManifest = (text: string) => {
    const value = parse('manifest', text);
    demand(manifestRules(value));
    manifest = { value, hash: hashOf(text) };
    head = value.after;
  };

  const takeHeader = (text: string, before: LogHead) => {
    const header = parse('commit', text);
    demand(headerRules(header, before));
    open = { header, line: lines.number(), events: [], texts: [] };
  };

  const takeEvent = (text: string, { header, events, texts }: Open) => {
    const event = parse('event', text);
    demand(eventRules(event, { header, index: events.length, clusterId: manifest!.value.cluster.id }));
    const stored = toStoredEvent(event);
    events.push(stored);
    texts.push(canonicalJson(stored));
  };

  const closeCommit = ({ header, events, texts, line: begin }: Open): CheckedCommit => {
    demand(bodyRules(header, { events, texts, cluster: manifest!.value.cluster, lines: [begin + 1, lines.number()] }));
    open = null;
    head = headAfter(header);
    totals = addTo(totals, header);
    return { commit: toCommit(header, events), eventTexts: header.pruned ? null : texts, line: begin };
  };

  const takeEnd = (text: string, { value, hash }: { value: ManifestLine; hash: string }) => {
    demand(endRules(parse('end', text), { manifestHash: hash, totals, head: head!, through: value.through }));
    hasEnded = true;
  };

  return {
    take(text) {
      lines.next();
      if (hasEnded) refuse('nothing may follow the last line');
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
      lines.next();
      if (!hasEnded) refuse('the file was cut off: its last line is missing');
    },
    manifest: () => manifest?.value ?? null,
    head: () => head ?? refuse('there is no first line'),
    totals: () => totals,
    dropOpen() {
      if (open) lines.rewindTo(open.line - 1);
      open = null;
    },
    isBetweenCommits: () => manifest !== null && open === null,
    hasEnded: () => hasEnded,
  };
}

function headAfter({ slot, first, count, at, hash }: CommitLine): LogHead {
  return { slot, position: first + count - 1, at, hash };
}

function addTo(totals: Totals, { count, pruned }: CommitLine): Totals {
  return {
    commits: totals.commits + 1,
    events: totals.events + count,
    prunedCommits: totals.prunedCommits + (pruned ? 1 : 0),
    prunedEvents: totals.prunedEvents + (pruned ? count : 0),
  };
}

/** Counts lines, and names the number of one that is refused. */
function createLineReader() {
  let line = 0;
  const refuse = (rule: string): never => {
    throw new AppError('transfer_line_invalid', `line ${line}: ${rule}`, { details: { line, rule } });
  };
  return {
    number: () => line,
    next() {
      line += 1;
    },
    rewindTo(number: number) {
      line = number;
    },
    refuse,
    demand(rules: readonly Rule[]) {
      for (const [holds, rule] of rules) if (!holds) refuse(rule);
    },
    parse<K extends keyof typeof lineChecks>(kind: K, text: string): LineOf[K] {
      const value = parseJson(text) ?? refuse('it is not JSON');
      const check = lineChecks[kind];
      if (!check.Check(value)) {
        const error = check.Errors(value).First();
        refuse(`it is no line of kind ${kind}: ${error?.path || 'the value'}: ${error?.message ?? ''}`);
      }
      return value as LineOf[K];
    },
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
