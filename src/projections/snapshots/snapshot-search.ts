/** Finds where a fold may begin: the newest snapshot that the log itself confirms. */

import type { EventLog } from '../../events/log/event-log.ts';
import type { Logger } from '../../logger.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import { isDoubtful, openSnapshot, type SnapshotStore } from './snapshot.ts';

export type FoundSnapshot = { slot: number; view: ClusterView };

type Deps = {
  log: Pick<EventLog, 'readCommits'>;
  snapshots: Pick<SnapshotStore, 'newest' | 'discard'>;
  logger: Logger;
};

/** One that does not fit is discarded, a doubtful one passed over; after so many the fold begins at the first commit, which is always right. */
const triesMax = 5;

/** @returns null: fold from the first commit */
export async function findSnapshot(
  { log, snapshots, logger }: Deps,
  notAfterSlot: number,
): Promise<FoundSnapshot | null> {
  try {
    for (let tries = 0, slot = notAfterSlot; tries < triesMax; tries += 1) {
      const snapshot = await snapshots.newest(slot);
      if (!snapshot) return null;
      const [commit] = await log.readCommits({ afterSlot: snapshot.slot - 1, limit: 1 });
      const view = await openSnapshot(snapshot, commit);
      if (view && !isDoubtful(snapshot, view)) return { slot: snapshot.slot, view };
      // The check of a doubtful one is still to come, and decides.
      if (!view) {
        logger.warn({ slot: snapshot.slot, position: snapshot.position }, 'a snapshot does not fit the log: discarded');
        await snapshots.discard(snapshot.slot);
      }
      slot = snapshot.slot - 1;
    }
  } catch (error) {
    logger.warn({ err: error }, 'snapshots cannot be read: the fold begins at the first commit');
  }
  return null;
}
