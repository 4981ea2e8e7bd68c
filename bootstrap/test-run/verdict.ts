/** The judgement of one test file from how its process ended. Pure. Trusts no exit code alone: see the cases. */

import { stripVTControlCharacters } from 'node:util';

/** The process says by this exit code that something was still open after the last test. */
export const leftOpenExitCode = 70;

export type Ending = {
  /** All that it wrote, in the order it came. */
  output: string;
  /** null: ended by a signal. */
  exitCode: number | null;
  /** Ended by us, because it took longer. */
  overdueMs: number | null;
  /** Processes of its own that it left behind, in words. */
  leftRunning: readonly string[];
};

export type Verdict = {
  passed: number;
  failed: number;
  skipped: number;
  /** What no test's own message says. */
  problems: string[];
  skipReasons: string[];
};

export function judge({ output, exitCode, overdueMs, leftRunning }: Ending): Verdict {
  const text = stripVTControlCharacters(output);
  const totals = parseTotals(text);
  const { total = 0, passed = 0, skipped = 0 } = totals ?? {};
  const problems: string[] = [];
  const add = (isSo: boolean, problem: string) => {
    if (isSo) problems.push(problem);
  };
  const how = exitCode === null ? 'was ended by a signal' : `ended with code ${exitCode}`;
  add(overdueMs !== null, `was ended because it took longer than ${(overdueMs ?? 0) / 1000} s`);
  add(overdueMs === null && totals === null, `${how} and printed no totals`);
  if (overdueMs === null && totals !== null) {
    // uvu ends with 0 in both of these cases.
    add(total === 0 && skipped === 0, 'ran no test: does it end with test.run()?');
    add(exitCode === 0 && passed < total, 'a hook failed, and the rest of its suite was left out');
    add(exitCode === leftOpenExitCode, 'left something open after its last test');
    add(exitCode !== 0 && exitCode !== leftOpenExitCode && passed === total, `${how} although its tests passed`);
  }
  add(leftRunning.length > 0, `left processes running: ${leftRunning.join(', ')}`);
  const failed = total - passed || Math.min(problems.length, 1);
  return { passed, failed, skipped, problems, skipReasons: parseSkipReasons(text) };
}

type Totals = { total: number; passed: number; skipped: number };

/** The last ones: a test may print the like. */
function parseTotals(text: string): Totals | null {
  const found = [...text.matchAll(/^ +Total: +(\d+)\n +Passed: +(\d+)\n +Skipped: +(\d+)$/gm)].at(-1);
  if (!found) return null;
  const [total, passed, skipped] = found.slice(1).map(Number) as [number, number, number];
  return { total, passed, skipped };
}

/** Tests print `skipped: <reason>` on a line of its own. */
function parseSkipReasons(text: string): string[] {
  return [...new Set(Array.from(text.matchAll(/^skipped: (.+)$/gm), ([, reason]) => reason!))];
}
