/**
 * Compares two views of one log: services, nodes and containers that came, went or changed, field by
 * field. Pure. What ended is gone, though a view keeps it for a while: else the same end would look different an hour later.
 */

import { isDeepStrictEqual } from 'node:util';
import { isTerminal } from '../../model/container-machine.ts';
import { containerRow } from '../../projections/rows/container-row.ts';
import { nodeRow } from '../../projections/rows/node-row.ts';
import { sortNatural } from '../../projections/rows/order.ts';
import { serviceRow } from '../../projections/rows/service-row.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';

export type DiffKind = 'services' | 'nodes' | 'containers';
export const diffKinds = ['services', 'nodes', 'containers'] as const satisfies readonly DiffKind[];

/** What operators see of it, but for the position of its last fact: a row that only was touched has not changed. */
export type DiffRow = Readonly<Record<string, unknown>>;
export type RowsByKind = Record<DiffKind, ReadonlyMap<string, DiffRow>>;

export type FieldChange = { field: string; before: unknown; after: unknown };

export type RowChange =
  | { change: 'added'; name: string; after: DiffRow }
  | { change: 'removed'; name: string; before: DiffRow }
  | { change: 'changed'; name: string; fields: FieldChange[] };

/** Shares nothing that evolve changes. */
export function rowsOf(view: ClusterView): RowsByKind {
  const live = [...view.containers.values()].filter(({ state }) => !isTerminal(state));
  return {
    services: toRows(
      [...view.services.values()].map((service) => serviceRow(view, service)),
      'serviceName',
    ),
    nodes: toRows([...view.nodes.values()].map(nodeRow), 'node'),
    containers: toRows(live.map(containerRow), 'container'),
  };
}

function toRows<K extends string>(
  rows: ({ [N in K]: string } & { position: number })[],
  name: K,
): Map<string, DiffRow> {
  return new Map(rows.map(({ position: _, ...row }) => [row[name as never] as string, row as DiffRow]));
}

/** By name in natural order. */
export function diffRows(before: ReadonlyMap<string, DiffRow>, after: ReadonlyMap<string, DiffRow>): RowChange[] {
  const names = sortNatural(new Set([...before.keys(), ...after.keys()]), (name) => name);
  return names.flatMap((name) => changeOf(name, before.get(name), after.get(name)) ?? []);
}

function changeOf(name: string, before: DiffRow | undefined, after: DiffRow | undefined): RowChange | null {
  if (!before) return after ? { change: 'added', name, after } : null;
  if (!after) return { change: 'removed', name, before };
  const fields = Object.keys(after)
    .filter((field) => !isDeepStrictEqual(before[field], after[field]))
    .map((field) => ({ field, before: before[field], after: after[field] }));
  return fields.length > 0 ? { change: 'changed', name, fields } : null;
}
