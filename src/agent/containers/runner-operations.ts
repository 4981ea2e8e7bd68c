/**
 * What a runner does on the engine and reports, one operation at a time. An engine that is away delays operations and
 * loses none.
 */

import type { Clock } from '../../clock.ts';
import type { Mutex } from '../../concurrency/mutex.ts';
import { errorMessage } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { isProbe } from '../../model/health.ts';
import type { Engine, EngineContainer, PullProgress } from '../engine/engine.ts';
import { retryWhileEngineUnavailable } from '../engine/retry-while-unavailable.ts';
import type { ReportBody, Reporter } from '../reports/reporter.ts';
import { failureReasonOf, type Run, type StartDeps, startContainer } from './container-start.ts';
import { exitReportOf, failedReport } from './exit-status.ts';
import { probeHealth } from './health-prober.ts';
import { createHealthReports, createPauses, type HealthReports, type Pauses } from './health-reports.ts';
import type { RunningBody } from './restart-chain.ts';
import type { End } from './restart-rule.ts';
import type { Restarts } from './restarts.ts';
import type { Operations, Outcome } from './runner-machine.ts';
import { createSecretMask, type Mask } from './secret-mask.ts';
import { injectedSecrets } from './secrets.ts';

export type RunnerDeps = StartDeps & { reporter: Reporter; restarts: RestartGate; clock: Clock; logger: Logger };

/** What the log does not have is reported in another way. */
export type RestartGate = Pick<Restarts, 'takeEnd' | 'takeReport'>;

export type RunnerOptions = {
  container: string;
  /** Aborts when the agent closes: nothing new begins, containers stay as they are. */
  closing: AbortSignal;
  /** The engine has it no more and its end is confirmed. */
  onCleared: () => void;
};

const logTailLines = 20;
const unmasked: Mask = (text) => text;
const progressEveryMs = 1_000;

export type Scheduling = {
  /** One operation at a time. */
  exclusive: Mutex;
  /** The bus has the last report. */
  onConfirmed: () => void;
  /** It may have changed by then. */
  lookAfter: (ms: number) => void;
};

export function createOperations(deps: RunnerDeps, options: RunnerOptions, scheduling: Scheduling): Operations {
  const report: Reporter['report'] = (container, body, onConfirmed) => {
    if (!deps.restarts.takeReport(container, body)) deps.reporter.report(container, body, onConfirmed);
  };
  const ended: Ended = { ranMs: null };
  const health = createHealthReports({ reporter: { report } }, options);
  const pauses = createPauses({ ...scheduling, health, clock: deps.clock });
  return {
    ...createEngineOperations(deps, options, { ...scheduling, health, pauses, ended }),
    ...createProbing(deps, options, { health, pauses }),
    ...createReports({ ...deps, report }, options, { ...scheduling, health, ended }),
  };
}

/** What is known of the end: null where it is not how long it ran. */
type Ended = { ranMs: number | null };

type Noted = { health: HealthReports; pauses: Pauses };

type EngineOperations = Pick<Operations, 'start' | 'look' | 'conclude' | 'stop' | 'remove' | 'clear'>;

function createEngineOperations(
  deps: RunnerDeps,
  { container, closing }: RunnerOptions,
  { exclusive, health, pauses, ended }: Scheduling & Noted & { ended: Ended },
): EngineOperations {
  const { engine, reporter, clock, logger } = deps;

  const onFailed = (error: unknown) => logger.error({ err: error, container }, 'an operation on a container failed');
  const inOrder = createOrder({ exclusive, closing, onFailed });

  const persist = <T>(operation: () => Promise<T>, signal: AbortSignal = closing) =>
    retryWhileEngineUnavailable(operation, signal);

  /** A container that ends by itself follows from its own latest fact: no cause is named. */
  const concluded = async (found: EngineContainer | null, run: Run, signal: AbortSignal): Promise<Outcome> => {
    ended.ranMs = ranMsOf(found, clock);
    const mask = found ? await persist(() => maskOf(engine, run), signal) : unmasked;
    const logTail = found ? await persist(() => engine.logTail(container, logTailLines, mask), signal) : [];
    const end = exitReportOf(found && { ...found, error: mask(found.error) }, run.spec, logTail);
    return { isRunning: false, report: { ...end, causationId: null } };
  };

  return {
    async start({ run, cause: { causationId }, after }, interrupted) {
      const going = AbortSignal.any([closing, interrupted]);
      const onProgress = throttleProgress(clock, ({ currentBytes, totalBytes }) => {
        const progress = { image: run.spec.image, currentBytes, totalBytes };
        reporter.sendUnreliably(container, { kind: 'pull-progress', causationId, ...progress });
      });
      return inOrder(async () => {
        await after;
        try {
          const how = { signal: going, cancelled: interrupted, onProgress, causationId };
          const found = await startContainer(deps, run, how);
          // A stop that came meanwhile finds it running and stops it: the short-lived `running` is not reported.
          if (found.state !== 'running') return await concluded(found, run, going);
          return { isRunning: true, report: runningReport(found, run, causationId, clock) };
        } catch (error) {
          going.throwIfAborted();
          const failed = failedReport(failureReasonOf(error, logger), errorMessage(error));
          return { isRunning: false, report: { ...failed, causationId } };
        }
      }, going);
    },
    look(run, interrupted) {
      const going = AbortSignal.any([closing, interrupted]);
      return inOrder(async () => {
        const found = await persist(() => engine.inspect(container), going);
        if (found?.state !== 'running') return concluded(found, run, going);
        if (pauses.note(found.isPaused, run.spec.pausedGraceSeconds) || !found.health) return null;
        health.note({ ...found.health, output: (await maskOf(engine, run))(found.health.output) });
        return null;
      }, going);
    },
    conclude: ({ run, found, wasStarted }) =>
      inOrder(async () => {
        const reason = whyNotAdopted(found, wasStarted);
        if (reason === null) return concluded(found, run, closing);
        return { isRunning: false, report: { ...failedReport('start error', reason), causationId: null } };
      }),
    /** What was created on the way to a start is removed like any other, once the end is confirmed. */
    stop: ({ cause: { causationId }, timeoutSeconds }) =>
      inOrder(async () => {
        await persist(() => engine.stop(container, timeoutSeconds));
        const found = await persist(() => engine.inspect(container));
        return { isRunning: false, report: { kind: 'stopped', causationId, exitCode: found?.exitCode ?? null } };
      }),
    remove: ({ cause: { causationId }, reason }) =>
      inOrder(async () => {
        const found = await persist(() => engine.inspect(container));
        if (found) await persist(() => engine.remove(container));
        reporter.drop(container);
        return found ? { kind: 'stale-removed', causationId, reason } : null;
      }),
    clear: () => inOrder(() => persist(() => engine.remove(container))),
  };
}

function createProbing(
  { engine, clock, logger }: RunnerDeps,
  { container, closing }: RunnerOptions,
  { health, pauses }: Noted,
): Pick<Operations, 'probe'> {
  return {
    probe({ spec: { health: check } }, signal) {
      if (!isProbe(check)) return;
      const prober = {
        probe: (ends: AbortSignal) => engine.probe(container, check, ends),
        isPaused: pauses.isPaused,
        onChange: health.note,
      };
      const ends = { clock, signal: AbortSignal.any([signal, closing]) };
      void probeHealth(prober, check, ends).catch((error: unknown) => {
        if (!ends.signal.aborted)
          logger.error({ err: error, container }, 'the health of a container is not probed any more');
      });
    },
  };
}

async function maskOf(engine: Engine, run: Run): Promise<Mask> {
  const secrets = await injectedSecrets(engine, run);
  return secrets.length === 0 ? unmasked : createSecretMask(secrets);
}

type Order = { exclusive: Mutex; closing: AbortSignal; onFailed: (error: unknown) => void };

/** After what is under way; not at all once the agent closes or the operation was interrupted. */
const createOrder =
  ({ exclusive, closing, onFailed }: Order) =>
  <T>(operation: () => Promise<T>, signal: AbortSignal = closing): Promise<T> =>
    exclusive(async () => {
      signal.throwIfAborted();
      try {
        return await operation();
      } catch (error) {
        if (!signal.aborted) onFailed(error);
        throw error;
      }
    });

function createReports(
  { reporter, restarts, report, clock }: RunnerDeps & Pick<Reporter, 'report'>,
  { container, onCleared }: RunnerOptions,
  { onConfirmed, lookAfter, health, ended }: Scheduling & { health: HealthReports; ended: Ended },
): Omit<Operations, keyof EngineOperations | 'probe'> {
  return {
    reportStarting({ cause: { causationId } }) {
      const starting: ReportBody = { kind: 'starting', causationId };
      report(container, starting);
      return starting;
    },
    reportRunning({ found, run, cause: { causationId }, isNewsToLog }) {
      const running = runningReport(found, run, causationId, clock);
      if (isNewsToLog) report(container, running);
      if (found.isPaused) lookAfter(0);
      else if (found.health) health.note(found.health);
      return running;
    },
    report: (body) => report(container, body),
    reportUntilConfirmed(body, run) {
      const isTaken =
        run && isEndByItself(body) && restarts.takeEnd(run, { report: body, confirm: onConfirmed, ...ended });
      if (isTaken) return;
      // That it was removed is said of any container.
      if (body.kind === 'stopped' && restarts.takeReport(container, body)) return onConfirmed();
      reporter.report(container, body, onConfirmed);
    },
    forgetHealth: health.forget,
    dropReports: () => reporter.drop(container),
    onCleared,
  };
}

const isEndByItself = (body: ReportBody): body is End => body.kind === 'failed' || body.kind === 'completed';

export function runningReport(found: EngineContainer, run: Run, causationId: string | null, clock: Clock): RunningBody {
  const { engineContainerId, ports } = found;
  const startedAt = found.startedAt ?? new Date(clock.nowMs()).toISOString();
  const isChecked = found.health !== null || isProbe(run.spec.health);
  const report: RunningBody = { kind: 'running', causationId, engineContainerId, startedAt, ports };
  const { imageDigest } = found;
  return { ...report, ...(isChecked ? { isChecked } : {}), ...(imageDigest === null ? {} : { imageDigest }) };
}

const ranMsOf = (found: EngineContainer | null, clock: Clock) =>
  found?.startedAt ? clock.nowMs() - Date.parse(found.startedAt) : null;

function throttleProgress(clock: Clock, onProgress: (progress: PullProgress) => void) {
  let reportedAtMs = Number.NEGATIVE_INFINITY;
  return (progress: PullProgress) => {
    if (clock.monotonicMs() - reportedAtMs < progressEveryMs) return;
    reportedAtMs = clock.monotonicMs();
    onProgress(progress);
  };
}

/** null: it ran, and its end says the rest. */
function whyNotAdopted(found: EngineContainer | null, wasStarted: boolean): string | null {
  if (found?.state === 'running') return 'the engine runs it with another specification';
  return found || wasStarted ? null : 'the agent was restarted before the engine had the container';
}
