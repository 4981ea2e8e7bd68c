/** Snapshots of the history in a data folder, as a manager takes them while it folds. */

import { join } from 'node:path';
import { systemClock } from '../src/clock.ts';
import { createCommitLog } from '../src/events/log/commit-log.ts';
import { createSqliteStore } from '../src/events/stores/sqlite/sqlite-store.ts';
import { silentLogger } from '../src/logger.ts';
import { createProjector } from '../src/projections/live/projector.ts';
import { createSnapshotWriter } from '../src/projections/live/snapshot-writer.ts';
import { createSnapshotFiles, snapshotFolder } from '../src/projections/snapshots/snapshot-files.ts';

export async function takeSnapshots(folder: string): Promise<void> {
  const store = await createSqliteStore({ path: join(folder, 'events.sqlite'), isReadOnly: true });
  const log = await createCommitLog({ store, clock: systemClock, logger: silentLogger }, { writer: 'bench' });
  const projector = createProjector({ log, logger: silentLogger, clock: systemClock });
  const snapshots = createSnapshotFiles(join(folder, snapshotFolder));
  const writer = createSnapshotWriter({ projector, snapshots, logger: silentLogger, isWriter: () => true });
  await projector.start();
  await writer.close();
  await projector.close();
  await log.close();
}
