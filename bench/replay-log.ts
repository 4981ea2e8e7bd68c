/**
 * The logs that replay is measured on: the history of a busy cluster with a clock of its own, so that what ended
 * leaves the view after an hour as it does in life.
 */

import { createCommitLog } from '../src/events/log/commit-log.ts';
import type { CommitStore } from '../src/events/log/commit-store.ts';
import { type NewEvent, streams } from '../src/events/schema/event.ts';
import { silentLogger } from '../src/logger.ts';
import { busyCluster, writeHistory } from './fold-history.ts';

/** A batch replaces 25 containers: three hundred a minute are more than any cluster of this size sees for long. */
const busy: Pace = { stepMs: 5_000, beginMs: Date.parse('2026-01-01T00:00:00.000Z') };

/** Log time from one append to the next, and of the first. */
export type Pace = { stepMs: number; beginMs: number };

const created: NewEvent = {
  stream: streams.cluster,
  type: 'ClusterCreated',
  data: { clusterId: '6a1f0b1c-3a54-4f61-9d0e-0d6c2d1f7a11', name: 'co' },
  meta: { actor: 'person:operator', causationId: null },
};

/** Writes at least so many events, and closes the store. @returns how many there are */
export async function fillStore(store: CommitStore, events: number, { stepMs, beginMs }: Pace = busy): Promise<number> {
  let nowMs = beginMs;
  const log = await createCommitLog(
    { store, clock: { nowMs: () => nowMs }, logger: silentLogger },
    { writer: 'bench' },
  );
  await log.append([created]);
  let written = 1;
  for (const batch of writeHistory(busyCluster)) {
    nowMs += stepMs;
    await log.append(batch, { deadlineMs: 60_000 });
    written += batch.length;
    if (written >= events) break;
  }
  await log.close();
  return written;
}
