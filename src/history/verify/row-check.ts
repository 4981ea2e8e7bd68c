/**
 * Compares rows that were read somewhere with the fold as it passes them. Each row says at which position it
 * last changed, so one that was written while others were read is compared at its own.
 */

import type { ClusterView } from '../../projections/view/cluster-view.ts';
import {
  compareRow,
  type Difference,
  idsOf,
  type Row,
  replayedRow,
  type ViewName,
  viewNames,
} from './view-comparison.ts';

export type FoundRows = {
  /** Where they were read, for people: `GET /state of http://127.0.0.1:5000`. */
  source: string;
  /** Everything changed at or below it is among the rows. A position that the fold stops at. */
  position: number;
  rows: Readonly<Record<ViewName, readonly (readonly [id: string, row: Row])[]>>;
  /** Which documents of the view the source shows. Default: all of them. */
  isShown?: (view: ClusterView, name: ViewName, id: string) => boolean;
  /** They are written while they are read: what left meanwhile is no difference. Default false. */
  isMoving?: boolean;
};

export type RowsReport = {
  source: string;
  position: number;
  /** How many were compared. */
  rows: number;
  difference: Difference | null;
};

export type RowsCheck = {
  /** After each commit of a fold that begins at the first and goes on to the end of the log. */
  onFolded(view: ClusterView): void;
  /** @param view the fold at its end */
  report(view: ClusterView): RowsReport;
};

type Ahead = { name: ViewName; id: string; row: Row; position: number };

export function createRowsCheck(found: FoundRows): RowsCheck {
  const { source, position, rows, isShown = () => true, isMoving = false } = found;
  let difference: Difference | null = null;
  let compared = 0;
  let isPassed = false;
  const ahead = aheadOf(rows, position);
  /** In the log at the position and not among the rows. */
  const missing: { name: ViewName; id: string; row: Row }[] = [];

  const compare = (name: ViewName, id: string, both: { replayed: Row | null; found: Row | null }) => {
    compared += 1;
    difference ??= compareRow(name, id, both);
  };

  const compareAll = (view: ClusterView) => {
    const isAhead = new Set(ahead.map(({ name, id }) => `${name} ${id}`));
    for (const name of viewNames) {
      const known = new Map(rows[name]);
      for (const [id, row] of known) {
        if (!isAhead.has(`${name} ${id}`)) compare(name, id, { replayed: replayedRow(view, name, id), found: row });
      }
      for (const id of idsOf(view, name)) {
        if (!known.has(id) && isShown(view, name, id)) missing.push({ name, id, row: replayedRow(view, name, id)! });
      }
    }
  };

  return {
    onFolded(view) {
      if (!isPassed && view.position >= position) {
        isPassed = true;
        compareAll(view);
      }
      for (let next = ahead[0]; next && next.position <= view.position; next = ahead[0]) {
        ahead.shift();
        compare(next.name, next.id, { replayed: replayedRow(view, next.name, next.id), found: next.row });
      }
    },
    report(view) {
      for (const { name, id, row } of missing) {
        const hasLeft = replayedRow(view, name, id) === null || !isShown(view, name, id);
        if (!(isMoving && hasLeft)) compare(name, id, { replayed: row, found: null });
      }
      // Beyond the end of the log.
      for (const { name, id, row } of ahead) compare(name, id, { replayed: replayedRow(view, name, id), found: row });
      return { source, position, rows: compared, difference };
    },
  };
}

/** In the order in which the fold comes to them; one without a position that makes sense is compared with the rest. */
function aheadOf(rows: FoundRows['rows'], position: number): Ahead[] {
  return viewNames
    .flatMap((name) => rows[name].map(([id, row]) => ({ name, id, row, position: Number(row.position) })))
    .filter((row) => row.position > position)
    .sort((a, b) => a.position - b.position);
}

/** Of a view from somewhere else: in a manager, in a snapshot. */
export function rowsOfView(source: string, view: ClusterView): FoundRows {
  const rowsOf = (name: ViewName) => Array.from(idsOf(view, name), (id) => [id, replayedRow(view, name, id)!] as const);
  const rows = { services: rowsOf('services'), containers: rowsOf('containers'), nodes: rowsOf('nodes') };
  return { source, position: view.position, rows };
}
