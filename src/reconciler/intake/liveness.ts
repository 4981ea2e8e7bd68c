/**
 * Owns who is heard and who is silent, on an RxJS stream of heartbeats. Knows nothing of the log: it says that a node
 * fell silent; plan decides what that means.
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
  scan,
  switchMap,
  timer,
} from 'rxjs';
import type { Clock } from '../../clock.ts';
import type { HeartbeatStatus } from '../planner/plan-nodes.ts';

/** A node's beat, or the beginning (a session) or end (null) of watching it. */
type Signal = { node: string } & ({ kind: 'beat'; session: number } | { kind: 'watch'; session: number | null });

export type Liveness = HeartbeatStatus & {
  /** A heartbeat arrived. false: not of the session that is watched (late, old, or of a node nobody knows). */
  hear(node: string, session: number): boolean;
  /** The node has a new session, or a fresh grace period in its present one. */
  watch(node: string, session: number): void;
  /** The node is lost or removed. */
  unwatch(node: string): void;
  /** A fresh grace period for every node: we could not have heard them (a new leader, a broker or a loop that stood still). */
  grace(): void;
  /** Nodes whose time-out just passed, once for each silence. */
  readonly silences$: Observable<string>;
};

/** Judged by arrival on the monotonic clock; a jump of the wall clock loses nobody. Tests bring their own scheduler. */
export function createLiveness(
  clock: Pick<Clock, 'monotonicMs'>,
  options: { timeoutMs: number; scheduler?: SchedulerLike },
): Liveness {
  const { timeoutMs, scheduler = asyncScheduler } = options;
  /** `sinceMs`: what silence is counted from. `heardAtMs`: the last beat itself. */
  const watched = new Map<string, { session: number; sinceMs: number; heardAtMs: number | null }>();
  const signals$ = new Subject<Signal>();

  const watch = (node: string, session: number) => {
    const known = watched.get(node);
    const heardAtMs = known?.session === session ? known.heardAtMs : null;
    watched.set(node, { session, sinceMs: clock.monotonicMs(), heardAtMs });
    signals$.next({ kind: 'watch', node, session });
  };

  return {
    timeoutMs,
    hear(node, session) {
      const entry = watched.get(node);
      if (entry?.session !== session) return false;
      entry.sinceMs = clock.monotonicMs();
      entry.heardAtMs = entry.sinceMs;
      signals$.next({ kind: 'beat', node, session });
      return true;
    },
    watch,
    unwatch(node) {
      watched.delete(node);
      signals$.next({ kind: 'watch', node, session: null });
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
    silences$: signals$.pipe(silences(timeoutMs, scheduler)),
  };
}

/** Each signal restarts the node's own timer; a timer that runs out is a silence. */
function silences(timeoutMs: number, scheduler: SchedulerLike) {
  // plan compares with "longer than", so the timer must end after the time-out, not on it.
  const untilSilent = () => timer(timeoutMs + 1, scheduler);
  return (signals$: Observable<Signal>): Observable<string> =>
    signals$.pipe(
      groupBy((signal) => signal.node),
      mergeMap((ofNode$) =>
        ofNode$.pipe(
          scan(follow, { session: null, isNews: false } as Watch),
          filter(({ isNews }) => isNews),
          switchMap(({ session }) => (session === null ? EMPTY : untilSilent())),
          map(() => ofNode$.key),
        ),
      ),
    );
}

type Watch = { session: number | null; isNews: boolean };

/** A heartbeat of another session is late or foreign: it proves nothing. */
function follow(watch: Watch, signal: Signal): Watch {
  if (signal.kind === 'watch') return { session: signal.session, isNews: true };
  return { session: watch.session, isNews: watch.session !== null && signal.session === watch.session };
}
