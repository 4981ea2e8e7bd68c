/**
 * The failure detector: which nodes are watched, and how long ago each sent a heartbeat. Knows nothing of the log: it
 * reports that a node's time-out has passed, and plan decides what that means.
 */

import {
  asyncScheduler,
  EMPTY,
  filter,
  groupBy,
  map,
  mergeMap,
  type Observable,
  type SchedulerLike,
  Subject,
  switchMap,
  timer,
} from 'rxjs';
import type { Clock } from '../../clock.ts';
import type { HeartbeatStatus } from '../planner/plan-nodes.ts';

export type Liveness = HeartbeatStatus & {
  /** A heartbeat arrived. false: not of the session that is watched (late, old, or of an unknown node). */
  heartbeat(node: string, session: number): boolean;
  /** The node has a new session, or a fresh grace period in its present one. */
  watch(node: string, session: number): void;
  /** The node is lost or removed. */
  unwatch(node: string): void;
  /** A fresh grace period for every node: none could have been heard. */
  grace(): void;
  /** Nodes whose time-out just passed, once for each silence. */
  readonly silences$: Observable<string>;
};

/** Judged by arrival on the monotonic clock; a jump of the wall clock loses no node. Tests bring their own scheduler. */
export function createLiveness(
  clock: Pick<Clock, 'monotonicMs'>,
  options: { timeoutMs: number; scheduler?: SchedulerLike },
): Liveness {
  const { timeoutMs, scheduler = asyncScheduler } = options;
  /** The one state: `sinceMs` is what silence is counted from, `heardAtMs` the last heartbeat itself. */
  const watched = new Map<string, { session: number; sinceMs: number; heardAtMs: number | null }>();
  /** Nodes whose entry has changed: their timers begin again. */
  const changes$ = new Subject<string>();

  const watch = (node: string, session: number) => {
    const known = watched.get(node);
    const heardAtMs = known?.session === session ? known.heardAtMs : null;
    watched.set(node, { session, sinceMs: clock.monotonicMs(), heardAtMs });
    changes$.next(node);
  };

  return {
    timeoutMs,
    heartbeat(node, session) {
      const entry = watched.get(node);
      if (entry?.session !== session) return false;
      entry.sinceMs = clock.monotonicMs();
      entry.heardAtMs = entry.sinceMs;
      changes$.next(node);
      return true;
    },
    watch,
    unwatch(node) {
      watched.delete(node);
      changes$.next(node);
    },
    grace() {
      for (const [node, { session }] of watched) watch(node, session);
    },
    silentMs(node, session) {
      const entry = watched.get(node);
      return entry?.session === session ? clock.monotonicMs() - entry.sinceMs : null;
    },
    sinceHeartbeatMs(node, session) {
      const entry = watched.get(node);
      return entry?.session === session && entry.heardAtMs !== null ? clock.monotonicMs() - entry.heardAtMs : null;
    },
    silences$: changes$.pipe(timeOuts((node) => watched.has(node), { timeoutMs, scheduler })),
  };
}

/** Each change of a node restarts its timer; the timer of a node that is not watched any more is dropped with its group. */
function timeOuts(
  isWatched: (node: string) => boolean,
  { timeoutMs, scheduler }: { timeoutMs: number; scheduler: SchedulerLike },
) {
  // plan compares with "longer than", so the timer must end after the time-out, not on it.
  const timeOut = () => timer(timeoutMs + 1, scheduler);
  return (changes$: Observable<string>): Observable<string> =>
    changes$.pipe(
      groupBy((node) => node, { duration: (ofNode$) => ofNode$.pipe(filter((node) => !isWatched(node))) }),
      mergeMap((ofNode$) =>
        ofNode$.pipe(
          switchMap((node) => (isWatched(node) ? timeOut() : EMPTY)),
          map(() => ofNode$.key),
        ),
      ),
    );
}
