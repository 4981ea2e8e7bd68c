/** Finds what was derived from a log, to be compared with it: a manager's state, collections, a snapshot. */

import { AppError } from '../../errors.ts';
import { type FoundRows, rowsOfView } from '../../history/verify/row-check.ts';
import type { Row } from '../../history/verify/view-comparison.ts';
import { silentLogger } from '../../logger.ts';
import type { StateBody } from '../../projections/rows/state-bodies.ts';
import { findSnapshot } from '../../projections/snapshots/snapshot-search.ts';
import type { Api } from './api.ts';
import type { LogSource } from './log-source.ts';

/**
 * What a manager shows now: everything but ended containers, at the position of its last fact.
 * @throws AppError `usage_invalid` when its cluster is not the log's
 */
export async function readLiveRows(api: Api, { log }: LogSource): Promise<FoundRows> {
  const state = await api.get<StateBody>('/state');
  const clusterId = await readClusterId(log);
  if (state.cluster?.id !== clusterId) {
    const message = `the manager is of cluster ${state.cluster?.id ?? 'none'}, ${log.description} of ${clusterId ?? 'none'}`;
    throw new AppError('usage_invalid', message);
  }
  return {
    source: `GET /state of ${api.base}`,
    position: state.position,
    rows: {
      services: state.services.map(({ restartsLastHour: _, worstSlot: __, ...row }) => [row.serviceName, row]),
      // Pulls and heartbeats are telemetry, and what time alone changes is derived: shown, but no part of what is compared.
      containers: state.containers.map(({ pull: _, unknownSince: __, ...row }) => [row.container, row]),
      nodes: state.nodes.map(({ lastHeardAt: _, ...row }) => [row.node, row]),
    },
    isShown: (view, name, id) => name !== 'containers' || !view.ended.has(id),
  };
}

async function readClusterId(log: LogSource['log']): Promise<unknown> {
  const [first] = await log.readCommits({ afterSlot: 0, limit: 1 });
  return (first?.events?.[0]?.data as { clusterId?: unknown } | undefined)?.clusterId ?? null;
}

/** What MongoDB holds at the collections' own checkpoint; null where there is nothing to compare. */
export async function readCollectionRows({ db }: LogSource): Promise<FoundRows | null> {
  if (db === null) return null;
  const { readStoredRows } = await import('../../projections/read-models/stored-rows.ts');
  const stored = await readStoredRows(db);
  if (stored === null) return null;
  const { checkpoint, rows } = stored;
  const withoutId = ({ _id, ...row }: { _id: string }): readonly [string, Row] => [_id, row];
  return {
    source: 'collections node_config, container_config, service_config',
    position: checkpoint.position,
    rows: {
      services: rows.services.map(withoutId),
      containers: rows.containers.map(withoutId),
      nodes: rows.nodes.map(withoutId),
    },
    isMoving: true,
  };
}

/** The newest snapshot that fits the log and this program; null where there is none. */
export async function readSnapshotRows({ log, snapshots }: LogSource): Promise<FoundRows | null> {
  if (snapshots === null) return null;
  const { slot } = await log.head();
  const found = await findSnapshot({ log, snapshots, logger: silentLogger }, slot);
  return found && rowsOfView(`snapshot of slot ${found.slot}`, found.view);
}
