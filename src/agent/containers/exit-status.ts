/** What the end of a container means: requested, by itself, or by force. Pure. */

import { constants } from 'node:os';
import type { ReportOf } from '../../bus/messages.ts';
import type { FailureReason } from '../../model/container.ts';
import type { ContainerSpec } from '../../model/service.ts';
import type { EngineContainer } from '../engine/engine.ts';
import { cleanText } from '../engine/report-text.ts';

type Failed = Pick<ReportOf<'failed'>, 'kind' | 'reason' | 'message' | 'exitCode' | 'logTail'>;
type Stopped = Pick<ReportOf<'stopped'>, 'kind' | 'exitCode'>;
type Completed = Pick<ReportOf<'completed'>, 'kind' | 'logTail' | 'note'>;
export type ExitReport = Failed | Stopped | Completed;

/** Reports carry at most this much of an engine's words. */
const messageCharactersMax = 2048;
/** A shell's way to say "ended by signal n": 128 + n. */
const signalExitBase = 128;
const signalNames = new Map(Object.entries(constants.signals).map(([name, number]) => [number as number, name]));
const sigkill = 9;
/** What Docker's init says, in the container's own output, when it cannot run the command. */
const initFailure = /^\[FATAL tini \(\d+\)\] (exec .+)$/;

export function failedReport(
  reason: FailureReason,
  message: string,
  { exitCode = null, logTail = [] }: { exitCode?: number | null; logTail?: string[] } = {},
): Failed {
  return { kind: 'failed', reason, message: cleanText(message, messageCharactersMax), exitCode, logTail };
}

/** Of a container that ended without a request. null: the engine has it no more. */
export function exitReportOf(found: EngineContainer | null, spec: ContainerSpec, logTail: string[]): ExitReport {
  if (!found) return failedReport('killed', 'the engine does not have the container any more: it was removed');
  const { exitCode } = found;
  const seen = { exitCode, logTail };
  if (found.state === 'created') {
    return failedReport('start error', found.error || 'it was created but never started', seen);
  }
  // The engine says it of any process of the container: this one went on, and ended in its own way.
  const note = found.oomKilled ? 'memory ran out inside: the kernel ended another process of it' : null;
  if (exitCode === 0) return { kind: 'completed', logTail, ...(note === null ? {} : { note }) };
  if (exitCode === signalExitBase + sigkill) {
    if (found.oomKilled) return failedReport('oom', outOfMemory(spec), seen);
    return failedReport('killed', 'killed by SIGKILL (exit code 137), without a request in the log', seen);
  }
  const refused = initFailure.exec(logTail.at(-1) ?? '')?.[1];
  if (refused) return failedReport('start error', refused, seen);
  const beside = note === null ? '' : `; ${note}`;
  if (found.error) return failedReport('exited', `exit code ${exitCode}: ${found.error}${beside}`, seen);
  const signal = signalNames.get((exitCode ?? 0) - signalExitBase);
  const code = signal ? `exit code ${exitCode} (${signal})` : `exit code ${exitCode}`;
  return failedReport('exited', `${code}${beside}`, seen);
}

function outOfMemory({ resources: { memoryBytes } }: ContainerSpec): string {
  const limit = memoryBytes === null ? '' : ` at its limit of ${memoryBytes} bytes`;
  return `out of memory: the kernel ended it${limit}`;
}
