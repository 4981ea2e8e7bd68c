/** Takes snapshots: after so many events, by the process that may write them. Never holds up the fold. */

import type { Logger } from '../../logger.ts';
import { eventsPerSnapshot, type Snapshot, type SnapshotStore, takeSnapshot } from '../snapshots/snapshot.ts';
import type { Projector } from './projector.ts';

export type SnapshotWriter = { close(): Promise<void> };

export type SnapshotWriterDeps = {
  projector: Pick<Projector, 'view' | 'onFolded'>;
  snapshots: SnapshotStore;
  logger: Logger;
  /** On several managers one is enough. */
  isWriter: () => boolean;
  /** Called with each snapshot once it is kept. */
  onTaken?: (slot: number) => void;
};

/** While a long log is folded they come faster than they can be packed. Each holds a packed view. */
const pendingMax = 4;

/** @param options.every events between two snapshots */
export function createSnapshotWriter(deps: SnapshotWriterDeps, { every = eventsPerSnapshot } = {}): SnapshotWriter {
  const { projector, snapshots, logger, isWriter, onTaken } = deps;
  let events = 0;
  let pending = 0;
  /** Packed side by side, kept in order. */
  let keeping: Promise<void> = Promise.resolve();

  const keep = async (taken: Promise<Snapshot>, before: Promise<void>, slot: number) => {
    try {
      const snapshot = await taken;
      await before;
      await snapshots.save(snapshot);
      onTaken?.(slot);
    } catch (error) {
      logger.warn({ err: error, slot }, 'snapshot not kept');
    } finally {
      pending -= 1;
    }
  };

  const unsubscribe = projector.onFolded((_, commit) => {
    events += commit.count;
    if (events < every || pending >= pendingMax || !isWriter()) return;
    events = 0;
    pending += 1;
    keeping = keep(takeSnapshot(projector.view, commit), keeping, commit.slot);
  });

  return {
    async close() {
      unsubscribe();
      await keeping;
    },
  };
}
