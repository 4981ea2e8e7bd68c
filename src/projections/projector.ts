/** Owns the live view of one process: follows the log, folds, and tells its listeners what was folded. */

import type { LogEvent } from '../events/event.ts';
import type { ClusterView } from './cluster-view.ts';

export type Projector = {
  /** The live view. Read it, never change it, never keep it across an await. */
  readonly view: ClusterView;
  /**
   * Called after each commit is folded, in order, with its events (empty when pruned). Synchronous and quick: hand
   * long work to a queue of your own. Returns an unsubscribe.
   */
  onFolded(listener: (events: readonly LogEvent[]) => void): () => void;
  /** Resolves once the view holds `position`. @throws AppError `view_behind` (retryable) past the deadline */
  waitFor(position: number, deadlineMs?: number): Promise<void>;
  /** The log cannot be read just now: in words, null while all is well. */
  trouble(): string | null;
  /** Resolves once the view holds everything that was in the log when it was called. */
  start(): Promise<void>;
  close(): Promise<void>;
};
