/**
 * The life of a process: signals, the deadline of a clean stop, the exit code and the message at the end.
 * Knows nothing of what runs in it.
 */

import { AppError } from '../errors.ts';

/** What a shell or a service manager sees; `--help` documents them. */
export const exitCodes = { clean: 0, failed: 1, misconfigured: 2 } as const;

export type Running = {
  /** Lets go of everything; containers stay. */
  close(): Promise<void>;
};

export type Life = {
  /** Aborted by the first signal: whatever is still starting should give up. */
  signal: AbortSignal;
  /** It cannot go on: stops cleanly, then exits with `failed`. */
  fail(error: unknown): void;
  /** Prints a line of progress for users, to standard output. */
  print(line: string): void;
};

/** A stop takes 5 s at most, seen from outside: what a service manager waits before it kills, and a margin for the exit. */
export const stopDeadlineMs = 4_700;

const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Refusals that another command line would have avoided. */
const misconfigurations: ReadonlySet<string> = new Set(['config_invalid', 'cluster_mismatch']);

export const exitCodeOf = (error: unknown): number =>
  error instanceof AppError && misconfigurations.has(error.code) ? exitCodes.misconfigured : exitCodes.failed;

/** Below each word on wrong usage. */
export const usageHint = '(--help says how)';

/** What was typed is wrong, or a variable is; found before anything was asked. */
const misuses: ReadonlySet<string> = new Set(['usage_invalid', 'config_invalid']);

/** A refusal says what to do, of wrong usage as the parser of arguments says it; anything else is a defect, and its stack says where. */
export function exitMessage(error: unknown): string {
  if (error instanceof AppError) {
    return misuses.has(error.code) ? `error: ${error.message}\n${usageHint}` : `${error.message} (${error.code})`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Starts, runs until a signal or a failure, stops within the deadline, and ends the process. */
export async function runProcess(start: (life: Life) => Promise<Running>): Promise<never> {
  // Files are the owner's alone, unless a program says otherwise of one.
  process.umask(0o077);
  const stopping = new AbortController();
  const ended = Promise.withResolvers<number>();
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  const printError = (error: unknown) => void process.stderr.write(`${exitMessage(error)}\n`);

  const stop = (code: number) => {
    if (stopping.signal.aborted) return;
    ended.resolve(code);
    stopping.abort();
    setTimeout(() => {
      printError(`shutdown did not finish within ${stopDeadlineMs / 1000} s; exiting`);
      process.exit(exitCodes.failed);
    }, stopDeadlineMs);
  };
  const fail = (error: unknown) => {
    if (stopping.signal.aborted) return;
    printError(error);
    stop(exitCodeOf(error));
  };
  const onSignal = (name: string) => {
    if (stopping.signal.aborted) process.exit(exitCodes.failed);
    // A child's parent has printed it.
    if (!process.send) print(`${name}: stopping, containers stay; once more stops at once`);
    stop(exitCodes.clean);
  };

  for (const name of stopSignals) process.on(name, onSignal);
  // The process that started us over a channel is gone, and it would have stopped us.
  process.on('disconnect', () => stop(exitCodes.clean));
  for (const defect of ['uncaughtException', 'unhandledRejection'] as const) process.on(defect, crash);
  // A reader that left (`up | head`) is no reason to stop a cluster.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => {});

  const running = await start({ signal: stopping.signal, fail, print }).catch((error: unknown) => {
    // Giving up because of the signal is what was asked.
    fail(error);
    return null;
  });
  const code = await ended.promise;
  await running?.close();
  process.exit(code);
}

/** Nothing is known about the state any more, so nothing is done with it: the log is what counts. */
function crash(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(exitCodes.failed);
}
