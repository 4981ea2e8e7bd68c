/** Whether an agent that is alone restarts what ended, and when: as a manager would, on the node it was on. Pure. */

import type { RestartRule } from '../../bus/messages.ts';
import { restartDelayMs } from '../../model/restart-delay.ts';
import type { ReportBody } from '../reports/reporter.ts';

export type End = Extract<ReportBody, { kind: 'failed' | 'completed' }>;

export type Ended = {
  container: string;
  end: End;
  /** Of its slot in a row, before this end. */
  failures: number;
  /** null: it did not run, or that is not known. */
  ranMs: number | null;
};

/** Ends of a program that ran. What could not be started here is for a manager to place elsewhere. */
const restartable: ReadonlySet<string> = new Set(['exited', 'oom', 'killed'] satisfies FailureReason[]);
type FailureReason = Extract<End, { kind: 'failed' }>['reason'];

/** null: it is not restarted. `failures`: in a row, with this end. */
export function decideRestart(
  { policy }: Pick<RestartRule, 'policy'>,
  { container, end, failures, ranMs }: Ended,
): { delayMs: number; failures: number } | null {
  const { condition, maxAttempts, windowSeconds } = policy;
  const isRestarted = end.kind === 'completed' ? condition === 'always' : condition !== 'never';
  if (!isRestarted || (end.kind === 'failed' && !restartable.has(end.reason))) return null;
  const isStable = ranMs !== null && ranMs >= windowSeconds * 1_000;
  const inRow = (isStable ? 0 : failures) + 1;
  if (maxAttempts !== null && inRow > maxAttempts) return null;
  return { delayMs: restartDelayMs(inRow, container, policy), failures: inRow };
}
