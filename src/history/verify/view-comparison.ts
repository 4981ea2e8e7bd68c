/**
 * Compares two views as operators see them: services, containers and nodes, each row with every field but
 * what telemetry alone feeds. Says which document and which field differs first. Pure.
 */

import { isDeepStrictEqual } from 'node:util';
import { containerRow } from '../../projections/rows/container-row.ts';
import { nodeRow } from '../../projections/rows/node-row.ts';
import { serviceRow } from '../../projections/rows/service-row.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';

export const viewNames = ['services', 'containers', 'nodes'] as const;
export type ViewName = (typeof viewNames)[number];

/** A public row, or what was derived from it elsewhere. */
export type Row = Readonly<Record<string, unknown>>;

export type Difference = {
  view: ViewName;
  /** The service's name, the container's id, the node's id. */
  document: string;
  /** null: one side has no such document. */
  field: string | null;
  /** What the log says; undefined when it knows nothing of it. */
  replayed: unknown;
  found: unknown;
};

/** How the rows of a view follow from it. */
type RowSource = { ids(view: ClusterView): Iterable<string>; row(view: ClusterView, id: string): Row | null };

const sources: Record<ViewName, RowSource> = {
  services: {
    ids: ({ services }) => services.keys(),
    row: (view, id) => rowOf(view.services.get(id), (service) => serviceRow(view, service)),
  },
  containers: {
    ids: ({ containers }) => containers.keys(),
    row: (view, id) => rowOf(view.containers.get(id), containerRow),
  },
  nodes: { ids: ({ nodes }) => nodes.keys(), row: (view, id) => rowOf(view.nodes.get(id), nodeRow) },
};

const rowOf = <T>(item: T | undefined, row: (item: T) => Row): Row | null => (item === undefined ? null : row(item));

/** null when the view has no such document. */
export const replayedRow = (view: ClusterView, name: ViewName, id: string): Row | null => sources[name].row(view, id);

export const idsOf = (view: ClusterView, name: ViewName): Iterable<string> => sources[name].ids(view);

/** The first field of one document that differs, in the order of the row; null when none does. */
export function compareRow(
  view: ViewName,
  document: string,
  { replayed, found }: { replayed: Row | null; found: Row | null },
): Difference | null {
  if (replayed === null && found === null) return null;
  if (replayed === null || found === null) {
    return { view, document, field: null, replayed: replayed ?? undefined, found: found ?? undefined };
  }
  for (const field of new Set([...Object.keys(replayed), ...Object.keys(found)])) {
    if (isDeepStrictEqual(replayed[field], found[field])) continue;
    return { view, document, field, replayed: replayed[field], found: found[field] };
  }
  return null;
}

/** Document by document, so that a busy process can stop in between: a difference, or null for each that is equal. */
export function* compareSteps(replayed: ClusterView, found: ClusterView): Generator<Difference | null> {
  for (const name of viewNames) {
    for (const id of new Set([...idsOf(replayed, name), ...idsOf(found, name)])) {
      const rows = { replayed: replayedRow(replayed, name, id), found: replayedRow(found, name, id) };
      yield compareRow(name, id, rows);
    }
  }
}

const shownMax = 80;

/** One sentence: `containers: web.1-8: state is "running", the log says "failed"`. */
export function describeDifference({ view, document, field, replayed, found }: Difference): string {
  const where = `${view}: ${document}`;
  if (field !== null) return `${where}: ${field} is ${show(found)}, the log says ${show(replayed)}`;
  return found === undefined ? `${where} is missing, the log has it` : `${where} is there, the log has none such`;
}

function show(value: unknown): string {
  if (value === undefined) return 'not there';
  const text = JSON.stringify(value);
  return text.length > shownMax ? `${text.slice(0, shownMax)}…` : text;
}
