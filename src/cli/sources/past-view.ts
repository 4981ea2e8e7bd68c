/** The view that an offline command answers from: replayed from the nearest snapshot, with a progress bar. */

import { type PointInTime, replay } from '../../history/replay/replay.ts';
import { silentLogger } from '../../logger.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import type { CliContext } from '../output/context.ts';
import { withProgress } from '../output/progress-bar.ts';
import type { LogSource } from './log-source.ts';

/** @throws what `replay` throws */
export async function readView(
  { log, snapshots }: LogSource,
  { progressBar, signal }: CliContext,
  to: PointInTime,
): Promise<ClusterView> {
  const { value: view } = await withProgress(progressBar('replaying'), (onProgress) =>
    replay({ log, logger: silentLogger, snapshots }, { to, signal, onProgress }),
  );
  return view;
}
