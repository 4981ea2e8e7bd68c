/**
 * Watches the engine: hints as they come, a whole list once in a while, and whether it answers at all. Judges no
 * container.
 *
 * An engine that is away is not a node that is away. While it restarts, containers may live on or end with it, and only
 * it knows which; so the node stays in contact and says so. What it finds afterwards is adopted or reported as ended,
 * unless the managers have given the node up meanwhile.
 */

import {
  asyncScheduler,
  defer,
  exhaustMap,
  filter,
  interval,
  merge,
  Observable,
  type SchedulerLike,
  share,
  throttle,
} from 'rxjs';
import type { Clock } from '../../clock.ts';
import { errorMessage } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { Engine, EngineContainer, EngineHint } from './engine.ts';
import { retryWhileEngineUnavailable } from './retry-while-unavailable.ts';

export type EngineWatchOptions = {
  onContainer: (container: string) => void;
  onList: (found: EngineContainer[]) => void;
  /** Once for each absence, with the engine client's own words. */
  onLost: (message: string) => void;
  onReturned: () => void;
  /** Hints may be missed: everything is listed this often. Default 30 s. */
  resyncMs?: number;
  pingMs?: number;
  scheduler?: SchedulerLike;
};

const resyncDefaultMs = 30_000;
const pingDefaultMs = 1_000;

export function startEngineWatch(
  { engine, clock, logger }: { engine: Engine; clock: Clock; logger: Logger },
  options: EngineWatchOptions,
): { close(): void } {
  const { onContainer, onList, onLost, onReturned, scheduler = asyncScheduler } = options;
  const { resyncMs = resyncDefaultMs, pingMs = pingDefaultMs } = options;
  const closing = new AbortController();
  let awaySinceMs: number | null = null;

  const hints$ = hintsOf(engine).pipe(share());
  const losses$ = hints$.pipe(filter(({ kind }) => kind === 'lost'));

  /** A loss is made up for as soon as the engine answers, not at the next resync. */
  const listAll = async () => {
    try {
      onList(await retryWhileEngineUnavailable(() => engine.list(), closing.signal));
    } catch (error) {
      if (!closing.signal.aborted) logger.error({ err: error }, 'the containers of the engine could not be listed');
    }
  };

  const ping = async () => {
    const askedAtMs = clock.monotonicMs();
    try {
      await engine.ping();
      if (awaySinceMs === null) return;
      logger.info({ awayMs: clock.monotonicMs() - awaySinceMs }, 'the engine answers again');
      awaySinceMs = null;
      onReturned();
    } catch (error) {
      if (awaySinceMs !== null) return;
      logger.warn({ err: error }, 'the engine does not answer');
      awaySinceMs = askedAtMs;
      onLost(errorMessage(error));
    }
  };

  const subscriptions = [
    hints$.subscribe((hint) => hint.kind === 'container' && onContainer(hint.container)),
    merge(losses$, interval(resyncMs, scheduler))
      .pipe(throttle(() => defer(listAll), { leading: true, trailing: true }))
      .subscribe(),
    interval(pingMs, scheduler).pipe(exhaustMap(ping)).subscribe(),
  ];
  return {
    close() {
      closing.abort();
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };
}

const hintsOf = (engine: Engine) =>
  new Observable<EngineHint>((subscriber) => {
    const ending = new AbortController();
    engine.watch((hint) => subscriber.next(hint), ending.signal);
    return () => ending.abort();
  });
