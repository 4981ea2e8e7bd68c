/** Answers "what changed between two points in time": the rows that differ, and for each the events that did it. Bounded. */

import type { EventLog } from '../../events/log/event-log.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { type DiffKind, diffKinds, diffRows, type RowChange, type RowsByKind, rowsOf } from './diff.ts';
import { type MadeBy, readEventsBetween } from './diff-events.ts';

export type StateRows = { position: number; at: string; rows: RowsByKind };

/** Shares nothing that evolve changes, so a live view may go on. */
export const stateRows = (view: ClusterView): StateRows => ({
  position: view.position,
  at: view.at,
  rows: rowsOf(view),
});

export type Change = RowChange & { madeBy: MadeBy };
/** `more`: changes beyond the bound, counted only. */
export type Changes = { added: number; removed: number; changed: number; changes: Change[]; more: number };

export type DiffBody = {
  from: { position: number; at: string };
  to: { position: number; at: string };
  /** Facts of the span that were looked at; `unreadThrough`: earlier ones up to this position were not, there are too many. */
  events: { read: number; unreadThrough: number | null };
} & Record<DiffKind, Changes>;

/** Of each kind: more is no answer for an operator, and a page of megabytes. */
export const changesMax = 500;

/** `from` is the earlier of the two. @throws AppError `log_unavailable` · the signal's reason */
export async function diffBetween(
  log: Pick<EventLog, 'read'>,
  from: StateRows,
  to: StateRows,
  signal?: AbortSignal,
): Promise<DiffBody> {
  const events = await readEventsBetween(log, { after: from.position, to: to.position }, { signal });
  const compare = (kind: DiffKind): Changes => {
    const all = diffRows(from.rows[kind], to.rows[kind]);
    const count = (what: RowChange['change']) => all.filter(({ change }) => change === what).length;
    const changes = all.slice(0, changesMax).map((change) => ({ ...change, madeBy: events.of(kind, change.name) }));
    return {
      added: count('added'),
      removed: count('removed'),
      changed: count('changed'),
      changes,
      more: all.length - changes.length,
    };
  };
  const [services, nodes, containers] = diffKinds.map(compare) as [Changes, Changes, Changes];
  return {
    from: { position: from.position, at: from.at },
    to: { position: to.position, at: to.at },
    events: { read: events.read, unreadThrough: events.unreadThrough },
    services,
    nodes,
    containers,
  };
}
