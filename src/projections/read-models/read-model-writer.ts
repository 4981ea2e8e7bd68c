/**
 * Owns the collections a person can read with a Mongo shell: node_config, container_config and service_config, kept up
 * by the leader alone. They follow the view and never feed it. Must never hold up the fold: what changed is noted, and
 * written beside it.
 *
 * What makes a crash between any two writes harmless:
 * - a row carries the position of the fact that last changed it and is written only over a lower one,
 * - the checkpoint comes last, so rows may be ahead of it, never behind,
 * - who begins to lead rewrites every row above the checkpoint and deletes what the view does not have.
 */

import type { Db } from 'mongodb';
import { type Clock, systemClock } from '../../clock.ts';
import { errorMessage } from '../../errors.ts';
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

export type ReadModelWriter = {
  /** Position up to which the collections are known to be written by this process; null while it does not lead. */
  writtenPosition(): number | null;
  /** Why nothing is written just now, in words; null while all is well. */
  trouble(): string | null;
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

/** The same database takes the log's commits, and those come first: at most a fifth of its time is for the rows. */
const restPerWrite = 4;
/** However slow it is, rows are never much older than this. */
const restMaxMs = 5_000;

/** A leader that was deposed may write a row once more after its successor deleted it: swept away this often. */
const sweepIntervalMs = 600_000;

/** While the database is away: from half a second, doubling, to ten. */
const retryMinMs = 500;
const retryMaxMs = 10_000;

export function createReadModelWriter(deps: ReadModelDeps, options: ReadModelOptions = {}): ReadModelWriter {
  const { db, projector, logger, isLeader, clock = systemClock } = deps;
  const { view } = projector;
  const flushDelayMs = options.flushDelayMs ?? defaultFlushDelayMs;
  /** The checkpoint we go on from; null = not ours, or not known: read it and catch up first. */
  let checkpoint: Checkpoint | null = null;
  let pending = noKeys();
  /** Ended containers that have a row, in the order of their end: those that left the view are deleted. */
  let endedRows = new Set<string>();
  let sweptAtMs = clock.monotonicMs();
  let trouble: string | null = null;
  let retryMs = retryMinMs;
  let restUntilMs = 0;
  let timer: NodeJS.Timeout | null = null;
  let flushing: Promise<void> | null = null;
  let isClosed = false;

  const schedule = (delayMs: number): void => {
    if (isClosed || timer !== null || flushing !== null) return;
    timer = setTimeout(run, Math.max(delayMs, restUntilMs - clock.monotonicMs()));
  };

  const run = (): void => {
    timer = null;
    flushing = flush().then((nextMs) => {
      flushing = null;
      // Something may have been folded after flush looked last.
      if (nextMs !== null || hasAny(pending)) schedule(nextMs ?? flushDelayMs);
    });
  };

  /** Returns when to flush again, null = when something is folded. */
  const flush = async (): Promise<number | null> => {
    if (!isLeader()) {
      stopLeading();
      return null;
    }
    const position = view.position;
    const keys = pending;
    pending = noKeys();
    const beganMs = clock.monotonicMs();
    try {
      if (checkpoint === null || clock.monotonicMs() - sweptAtMs > sweepIntervalMs) await catchUp();
      else await writeChanged(keys, position);
    } catch (error) {
      // The rows of these keys may or may not be written: the checkpoint tells.
      checkpoint = null;
      if (isClosed) return null;
      trouble = errorMessage(error);
      logger.warn({ err: error, retryMs, position }, 'the read models cannot be written');
      const delayMs = retryMs;
      retryMs = Math.min(retryMs * 2, retryMaxMs);
      return delayMs;
    }
    if (trouble !== null) logger.info({ position }, 'the read models are written again');
    trouble = null;
    retryMs = retryMinMs;
    const endedMs = clock.monotonicMs();
    restUntilMs = endedMs + Math.min(restPerWrite * (endedMs - beganMs), restMaxMs);
    return checkpoint === null || hasAny(pending) ? flushDelayMs : null;
  };

  const stopLeading = (): void => {
    checkpoint = null;
    pending = noKeys();
    endedRows = new Set();
  };

  const catchUp = async (): Promise<void> => {
    const stored = await findCheckpoint(db, view);
    const position = view.position;
    const at = view.at;
    endedRows = new Set(view.ended);
    await writeRows(db, view, keysAbove(view, stored.position), position);
    await sweepRows(db, view);
    sweptAtMs = clock.monotonicMs();
    checkpoint = await writeCheckpoint(db, stored, { position, at });
    logger.info({ from: stored.position, position }, 'the read models are caught up');
  };

  const writeChanged = async (keys: Keys, position: number): Promise<void> => {
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
  };

  const unsubscribe = projector.onFolded((events) => {
    for (const event of events) noteTouched(pending, event);
    schedule(flushDelayMs);
  });
  schedule(0);

  return {
    writtenPosition: () => checkpoint?.position ?? null,
    trouble: () => trouble,
    async close() {
      isClosed = true;
      unsubscribe();
      if (timer !== null) clearTimeout(timer);
      await flushing;
    },
  };
}

/** Rows of another projection version are not patched: equal positions would keep them. They are built anew. */
async function findCheckpoint(db: Db, view: ClusterView): Promise<Checkpoint> {
  const stored = await readCheckpoint(db);
  if (stored?.projectionVersion === projectionVersion) return stored;
  if (stored === null) return startCheckpoint(db);
  await rebuildReadModels(db, view);
  return (await readCheckpoint(db)) ?? startCheckpoint(db);
}

/** Every row the event may have changed: what its data names, and the row itself tells whether it is newer. */
function noteTouched(keys: Keys, event: LogEvent): void {
  if (event.version === 0) return;
  const { service, container, node } = event.data as { service?: unknown; container?: unknown; node?: unknown };
  if (typeof service === 'string') keys.services.add(service);
  if (typeof container === 'string') keys.containers.add(container);
  if (typeof node === 'string') keys.nodes.add(node);
}

const hasAny = (keys: Keys): boolean => keys.services.size + keys.containers.size + keys.nodes.size > 0;

function keysAbove(view: ClusterView, position: number): Keys {
  const keys = noKeys();
  for (const model of readModels) {
    for (const [id, item] of model.items(view)) if (model.positionOf(item) > position) keys[model.keys].add(id);
  }
  return keys;
}
