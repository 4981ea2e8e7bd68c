/**
 * Keeps the collections that operators read with a Mongo shell: node_config, container_config and service_config, written
 * by the leader alone. They follow the view and never feed it, and never hold up the fold: what changed is noted, and
 * written beside it.
 *
 * What makes a crash between any two writes harmless:
 * - a row carries the position of the fact that last changed it and is written only over a lower one,
 * - the checkpoint comes last, so rows may be ahead of it, never behind,
 * - a new leader rewrites every row above the checkpoint and deletes what the view does not have.
 */

import type { Db } from 'mongodb';
import { type Clock, systemClock } from '../../clock.ts';
import type { LogEvent } from '../../events/schema/event.ts';
import type { Logger } from '../../logger.ts';
import type { Projector } from '../live/projector.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import { projectionVersion } from '../view/evolve.ts';
import {
  type Checkpoint,
  type Keys,
  noKeys,
  readCheckpoint,
  readModels,
  rebuildReadModels,
  startCheckpoint,
  sweepRows,
  writeCheckpoint,
  writeRows,
} from './read-model-documents.ts';
import { createWriteSchedule } from './write-schedule.ts';

export type ReadModelWriter = {
  /** Position up to which the collections are known to be written by this process; null while it does not lead. */
  writtenPosition(): number | null;
  /** Why nothing is written just now, in words; null while all is well. */
  problem(): string | null;
  /** Stops; a write under way is waited for until its deadline. */
  close(): Promise<void>;
};

export type ReadModelDeps = {
  db: Db;
  projector: Pick<Projector, 'view' | 'onFolded'>;
  logger: Logger;
  isLeader: () => boolean;
  clock?: Pick<Clock, 'monotonicMs'>;
};

export type ReadModelOptions = {
  /** What changed within this time is written together. Default 200. */
  flushDelayMs?: number;
};

const defaultFlushDelayMs = 200;

/** A leader that was deposed may write a row once more after its successor deleted it: swept away this often. */
const sweepIntervalMs = 600_000;

export function createReadModelWriter(deps: ReadModelDeps, options: ReadModelOptions = {}): ReadModelWriter {
  const { db, projector, logger, isLeader, clock = systemClock } = deps;
  const { view } = projector;
  const flushDelayMs = options.flushDelayMs ?? defaultFlushDelayMs;
  const rows = createRowWriter({ db, view, logger });
  let pending = noKeys();
  let sweptAtMs = clock.monotonicMs();

  const write = async (): Promise<void> => {
    const isSweepDue = clock.monotonicMs() - sweptAtMs > sweepIntervalMs;
    const changed = pending;
    pending = noKeys();
    if (rows.checkpoint() !== null && !isSweepDue) return rows.writeChanged(changed, view.position);
    await rows.catchUp();
    sweptAtMs = clock.monotonicMs();
  };

  const schedule = createWriteSchedule({
    clock,
    delayMs: flushDelayMs,
    async write() {
      if (isLeader()) return write();
      rows.stopLeading();
      pending = noKeys();
    },
    isMoreDue: () => isLeader() && (rows.checkpoint() === null || hasAny(pending)),
    onFailed(error, retryMs) {
      // The rows of these keys may or may not be written: the checkpoint says.
      rows.distrust();
      logger.warn({ err: error, retryMs, position: view.position }, 'the read models cannot be written');
    },
    onRecovered: () => logger.info({ position: view.position }, 'the read models are written again'),
  });

  const unsubscribe = projector.onFolded((events) => {
    for (const event of events) noteTouched(pending, event, view);
    schedule.soon();
  });
  schedule.now();

  return {
    writtenPosition: () => rows.checkpoint()?.position ?? null,
    problem: schedule.problem,
    async close() {
      unsubscribe();
      await schedule.close();
    },
  };
}

type RowWriterDeps = { db: Db; view: ClusterView; logger: Logger };

/** Writes rows of a leader: all above the checkpoint at first, then what changed. */
function createRowWriter({ db, view, logger }: RowWriterDeps) {
  /** null = not ours, or not known: it is read, and all rows above it are written. */
  let checkpoint: Checkpoint | null = null;
  /** Ended containers that have a row, in the order of their end: those that left the view are deleted. */
  let endedRows = new Set<string>();

  return {
    checkpoint: () => checkpoint,
    distrust() {
      checkpoint = null;
    },
    stopLeading() {
      checkpoint = null;
      endedRows = new Set();
    },
    async catchUp(): Promise<void> {
      const stored = await findCheckpoint(db, view);
      const { position, at } = view;
      endedRows = new Set(view.ended);
      await writeRows(db, view, keysAbove(view, stored.position), position);
      await sweepRows(db, view);
      checkpoint = await writeCheckpoint(db, stored, { position, at });
      logger.info({ from: stored.position, position }, 'the read models are caught up');
    },
    async writeChanged(keys: Keys, position: number): Promise<void> {
      const at = view.at;
      for (const id of keys.containers) if (view.ended.has(id)) endedRows.add(id);
      for (const id of endedRows) {
        if (view.containers.has(id)) break;
        endedRows.delete(id);
        keys.containers.add(id);
      }
      if (!hasAny(keys)) return;
      await writeRows(db, view, keys, position);
      checkpoint = await writeCheckpoint(db, checkpoint!, { position, at });
    },
  };
}

/** Rows of another projection version are not patched: equal positions would keep them. They are built again. */
async function findCheckpoint(db: Db, view: ClusterView): Promise<Checkpoint> {
  const stored = await readCheckpoint(db);
  if (stored?.projectionVersion === projectionVersion) return stored;
  if (stored === null) return startCheckpoint(db);
  await rebuildReadModels(db, view);
  return (await readCheckpoint(db)) ?? startCheckpoint(db);
}

/** Every row the event may have changed: what its data names, and the row itself says whether it is newer. */
function noteTouched(keys: Keys, event: LogEvent, view: ClusterView): void {
  if (event.version === 0) return;
  const { service, container, node } = event.data as { service?: unknown; container?: unknown; node?: unknown };
  if (typeof service === 'string') keys.services.add(service);
  if (typeof container === 'string') keys.containers.add(container);
  if (typeof node === 'string') keys.nodes.add(node);
  if (typeof node !== 'string' || service !== undefined) return;
  // How many replicas a global service has follows from the nodes, and what is known of any from the node it is on.
  for (const name of view.global) keys.services.add(name);
  for (const id of view.nodes.get(node)?.containers ?? []) keys.services.add(view.containers.get(id)!.service);
}

const hasAny = (keys: Keys): boolean => keys.services.size + keys.containers.size + keys.nodes.size > 0;

function keysAbove(view: ClusterView, position: number): Keys {
  const keys = noKeys();
  for (const model of readModels) {
    for (const [id, item] of model.items(view)) if (model.positionOf(item) > position) keys[model.keys].add(id);
  }
  return keys;
}
