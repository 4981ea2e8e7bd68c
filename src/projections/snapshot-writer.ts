/** Owns when snapshots are taken: after so many events, by the process that may write them. Never holds up the fold. */

import type { Logger } from '../logger.ts';
import type { Projector } from './projector.ts';
import { eventsPerSnapshot, type SnapshotStore, takeSnapshot } from './snapshot.ts';

export type SnapshotWriter = { close(): Promise<void> };

export type SnapshotWriterDeps = {
  projector: Pick<Projector, 'view' | 'onFolded'>;
  snapshots: SnapshotStore;
  logger: Logger;
  /** On several managers one is enough. */
  isWriter: () => boolean;
  /** Told of each snapshot once it is kept. */
  onTaken?: (slot: number) => void;
};

/** @param options.every events between two snapshots */
export function createSnapshotWriter(deps: SnapshotWriterDeps, { every = eventsPerSnapshot } = {}): SnapshotWriter {
  const { projector, snapshots, logger, isWriter, onTaken } = deps;
  let events = 0;
  let saving: Promise<void> | null = null;

  const unsubscribe = projector.onFolded((_, commit) => {
    events += commit.count;
    if (events < every || saving || !isWriter()) return;
    events = 0;
    const taken = takeSnapshot(projector.view, commit);
    saving = taken
      .then((snapshot) => snapshots.save(snapshot))
      .then(() => onTaken?.(commit.slot))
      .catch((error: unknown) => logger.warn({ err: error, slot: commit.slot }, 'snapshot not kept'))
      .finally(() => {
        saving = null;
      });
  });

  return {
    async close() {
      unsubscribe();
      await saving;
    },
  };
}
