/**
 * Owns one container from its first command to its removal from the engine: one operation at a time, in the order they
 * came. Always holds:
 * - it is started at most once, and not after a stop or a removal came;
 * - one end is reported, and only a confirmed end lets the engine forget the container;
 * - an engine that is away delays operations and loses none.
 *
 * ```
 * waiting ─▶ running ─▶ ended ─▶ cleared
 *    └──▶ stopping ──────┘
 * ```
 */

import type { Clock } from '../../clock.ts';
import { errorMessage } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { EngineContainer, PullProgress } from '../engine/engine.ts';
import { retryWhileEngineUnavailable } from '../engine/retry-while-unavailable.ts';
import type { ReportBody, Reporter } from '../reports/reporter.ts';
import { failureReasonOf, type Run, type StartDeps, startContainer } from './container-start.ts';
import { type ExitReport, exitReportOf, failedReport } from './exit-status.ts';
import type { ManagedRun } from './sync.ts';

/** The fact behind a command. */
export type Cause = { position: number; causationId: string | null };

export type ContainerRunner = {
  managed(): Readonly<ManagedRun>;
  /** @param after settles when the engine is free of what had to go first */
  start(run: Run, cause: Cause, after: Promise<unknown>): void;
  /** It runs already. */
  adopt(run: Run, cause: Cause, found: EngineContainer, options: { isNewsToLog: boolean }): void;
  /** The log believes it further along than the engine has it. */
  end(run: Run, cause: Cause, found: EngineContainer | null, options: { wasStarted: boolean }): void;
  stop(cause: Cause, timeoutSeconds: number): void;
  /** Nobody wants it: it goes without an end in the log. */
  remove(cause: Cause, reason: string): void;
  /** The log knows its end: no report is needed for the engine to forget it. */
  settle(): void;
  /** Tells again what it is. */
  repeat(): void;
  /** Something may have happened to it on the engine. */
  look(): void;
  /** Settles when what was asked so far is done. */
  idle(): Promise<void>;
};

export type RunnerDeps = StartDeps & { reporter: Reporter; clock: Clock; logger: Logger };

export type RunnerOptions = {
  container: string;
  /** Aborts when the agent closes: nothing new begins, containers stay as they are. */
  closing: AbortSignal;
  /** The engine has it no more and its end is confirmed. */
  onCleared: () => void;
};

const logTailLines = 20;
const progressEveryMs = 1_000;

export function createContainerRunner(deps: RunnerDeps, options: RunnerOptions): ContainerRunner {
  const { engine, reporter, clock, logger } = deps;
  const { container, closing, onCleared } = options;
  const managed: ManagedRun = { phase: 'waiting', position: 0 };
  /** Aborted by a stop or a removal: cancels a start or a look in progress. */
  const cancelled = new AbortController();
  const going = AbortSignal.any([closing, cancelled.signal]);
  let work: Promise<void> = Promise.resolve();
  let lookWaits = false;
  /** What is reported when it is asked for again: the present state, in the end the final report. */
  let present: ReportBody | null = null;
  let current: Run | null = null;
  let isCleared = false;

  const enqueue = (operation: () => Promise<void>, signal: AbortSignal = closing) => {
    work = work.then(async () => {
      if (signal.aborted) return;
      try {
        await operation();
      } catch (error) {
        if (!signal.aborted) logger.error({ err: error, container }, 'an operation on a container failed');
      }
    });
  };

  const persist = <T>(operation: () => Promise<T>, signal: AbortSignal = closing) =>
    retryWhileEngineUnavailable(operation, signal);

  const reportState = (state: ReportBody) => {
    present = state;
    reporter.report(container, state);
  };

  const reportRunning = (found: EngineContainer, causationId: string | null) => {
    const startedAt = found.startedAt ?? new Date(clock.nowMs()).toISOString();
    const { engineContainerId, ports } = found;
    reportState({ kind: 'running', causationId, engineContainerId, startedAt, ports });
  };

  const reportEnd = (final: ReportBody) => {
    managed.phase = 'ended';
    present = final;
    reporter.report(container, final, () => enqueue(clear));
  };

  const clear = async () => {
    if (!isCleared) await persist(() => engine.remove(container));
    isCleared = true;
    onCleared();
  };

  /** A container that ends by itself follows from its own latest fact: no cause is named. */
  const conclude = async (found: EngineContainer | null, run: Run, signal: AbortSignal) => {
    const logTail = found ? await persist(() => engine.logTail(container, logTailLines), signal) : [];
    reportEnd({ ...exitReportOf(found, run.spec, logTail), causationId: null });
  };

  const begin = (run: Run, cause: Cause) => {
    current = run;
    managed.position = cause.position;
  };

  const runIt = async (run: Run, { causationId }: Cause, after: Promise<unknown>) => {
    await after;
    try {
      const onProgress = throttleProgress(({ currentBytes, totalBytes }) => {
        const { image } = run.spec;
        reporter.sendUnreliably(container, { kind: 'pull-progress', causationId, image, currentBytes, totalBytes });
      });
      const found = await startContainer(deps, run, { signal: going, cancelled: cancelled.signal, onProgress });
      // A stop that came meanwhile finds it running and stops it; the short-lived `running` is not reported.
      if (cancelled.signal.aborted) return;
      if (found.state !== 'running') return await conclude(found, run, going);
      managed.phase = 'running';
      reportRunning(found, causationId);
    } catch (error) {
      going.throwIfAborted();
      const ending: ExitReport = failedReport(failureReasonOf(error, logger), errorMessage(error));
      reportEnd({ ...ending, causationId });
    }
  };

  const throttleProgress = (onProgress: (progress: PullProgress) => void) => {
    let reportedAtMs = Number.NEGATIVE_INFINITY;
    return (progress: PullProgress) => {
      if (clock.monotonicMs() - reportedAtMs < progressEveryMs) return;
      reportedAtMs = clock.monotonicMs();
      onProgress(progress);
    };
  };

  const lookAtIt = async () => {
    lookWaits = false;
    if (managed.phase !== 'running' || !current) return;
    const found = await persist(() => engine.inspect(container), going);
    if (found?.state !== 'running') await conclude(found, current, going);
  };

  /** What was created on the way to a start is removed like any other, once the end is confirmed. */
  const stopIt = async ({ causationId }: Cause, timeoutSeconds: number) => {
    if (managed.phase === 'ended') return;
    const found = await persist(async () => {
      await engine.stop(container, timeoutSeconds);
      return engine.inspect(container);
    });
    reportEnd({ kind: 'stopped', causationId, exitCode: found?.exitCode ?? null });
  };

  const removeIt = async ({ causationId }: Cause, reason: string) => {
    const found = await persist(() => engine.inspect(container));
    if (found) await persist(() => engine.remove(container));
    reporter.drop(container);
    isCleared = true;
    managed.phase = 'ended';
    present = null;
    if (!found) return onCleared();
    reporter.report(container, { kind: 'stale-removed', causationId, reason }, onCleared);
  };

  return {
    managed: () => managed,
    start(run, cause, after) {
      begin(run, cause);
      reportState({ kind: 'starting', causationId: cause.causationId });
      enqueue(() => runIt(run, cause, after), going);
    },
    adopt(run, cause, found, { isNewsToLog }) {
      begin(run, cause);
      managed.phase = 'running';
      const { engineContainerId, ports } = found;
      const startedAt = found.startedAt ?? new Date(clock.nowMs()).toISOString();
      present = { kind: 'running', causationId: cause.causationId, engineContainerId, startedAt, ports };
      if (isNewsToLog) reporter.report(container, present);
    },
    end(run, cause, found, { wasStarted }) {
      begin(run, cause);
      managed.phase = 'ended';
      const trouble = whyNotAdopted(found, wasStarted);
      if (trouble) return reportEnd({ ...failedReport('start error', trouble), causationId: null });
      enqueue(() => conclude(found, run, closing));
    },
    stop(cause, timeoutSeconds) {
      managed.position = cause.position;
      cancelled.abort();
      if (managed.phase !== 'ended') managed.phase = 'stopping';
      enqueue(() => stopIt(cause, timeoutSeconds));
    },
    remove(cause, reason) {
      managed.position = cause.position;
      cancelled.abort();
      if (managed.phase !== 'ended') managed.phase = 'stopping';
      enqueue(() => removeIt(cause, reason));
    },
    settle() {
      reporter.drop(container);
      enqueue(clear);
    },
    repeat() {
      if (managed.phase === 'stopping' || !present) return;
      if (managed.phase === 'ended') reportEnd(present);
      else reporter.report(container, present);
    },
    look() {
      if (lookWaits) return;
      lookWaits = true;
      enqueue(lookAtIt, going);
    },
    idle: () => work,
  };
}

/** null: it ran, and its end says the rest. */
function whyNotAdopted(found: EngineContainer | null, wasStarted: boolean): string | null {
  if (found?.state === 'running') return 'the engine runs it with another specification';
  return found || wasStarted ? null : 'the agent was restarted before the engine had the container';
}
