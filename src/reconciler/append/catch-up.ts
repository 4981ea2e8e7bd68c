/** Brings the view up to the head of the log: what a decision is made from after another writer was faster. */

import type { EventLog } from '../../events/log/event-log.ts';
import type { Projector } from '../../projections/live/projector.ts';

/** @throws AppError `log_unavailable` · `view_behind` (both retryable) · `fold_failed` */
export type CatchUp = () => Promise<void>;

export type CatchUpDeps = { log: Pick<EventLog, 'head'>; projector: Pick<Projector, 'waitFor'> };

export const createCatchUp =
  ({ log, projector }: CatchUpDeps): CatchUp =>
  async () => {
    const { position } = await log.head();
    await projector.waitFor(position);
  };
