/** Judges how far a service is on the way to what was asked of it. Pure. */

import type { ServiceRow } from '../../projections/rows/service-row.ts';

/** What a change is waited for to become. */
export type Target = {
  service: string;
  /** The generation that is to converge; null: the service is to be gone. */
  generation: number | null;
  /** Of the change in the log: what a manager says before it has folded that counts for nothing. */
  position: number;
};

export type Verdict =
  /** `stuckAfterMs`: its status, if it stays so long, is a failure; null: it may stay. */
  { kind: 'waiting'; stuckAfterMs: number | null } | { kind: 'reached' } | { kind: 'failed'; reason: string };

/** Nodes come back, and ports are let go of by what is being replaced. */
const blockedGraceMs = 15_000;
/** A replica that waits for another service fails a few times first. */
const degradedGraceMs = 60_000;

const waiting: Verdict = { kind: 'waiting', stuckAfterMs: null };
const reached: Verdict = { kind: 'reached' };

/**
 * @param row null: there is no such service
 * @param seen the position of the answer, and for how long the status has been the same
 */
export function judge(
  { generation, position }: Target,
  row: ServiceRow | null,
  seen: { position: number; statusForMs: number },
): Verdict {
  if (seen.position < position) return waiting;
  if (generation === null) return row?.status === 'removing' ? waiting : reached;
  if (row === null || row.status === 'removing') return failed('it was removed meanwhile');
  if (row.generation > generation) {
    return failed(`generation ${generation} was replaced by generation ${row.generation}`);
  }
  if (row.status === 'converged' || row.status === 'completed') return reached;
  const stuckAfterMs = graceMs(row);
  if (stuckAfterMs !== null && seen.statusForMs >= stuckAfterMs) return failed(row.reason ?? row.status);
  return { kind: 'waiting', stuckAfterMs };
}

const failed = (reason: string): Verdict => ({ kind: 'failed', reason });

/** A paused rollout and a failed run wait for a person; the rest may still pass by itself. null: it is on its way. */
function graceMs({ status, mode }: ServiceRow): number | null {
  if (status === 'paused') return 0;
  if (status === 'blocked') return blockedGraceMs;
  if (status === 'degraded') return mode === 'job' ? 0 : degradedGraceMs;
  return null;
}
