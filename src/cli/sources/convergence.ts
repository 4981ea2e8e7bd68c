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

export type Verdict = { kind: 'waiting' } | { kind: 'reached' } | { kind: 'failed'; reason: string };

/** Nodes come back, and ports are let go of by what is being replaced. */
const blockedGraceMs = 15_000;
/** A replica that waits for another service fails a few times first. */
const degradedGraceMs = 60_000;

const waiting: Verdict = { kind: 'waiting' };
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
  if (isStuck(row, seen.statusForMs)) return failed(row.reason ?? row.status);
  return waiting;
}

const failed = (reason: string): Verdict => ({ kind: 'failed', reason });

/** A paused rollout and a failed run wait for a person; the rest may still pass by itself. */
function isStuck({ status, mode }: ServiceRow, statusForMs: number): boolean {
  if (status === 'paused') return true;
  if (status === 'blocked') return statusForMs >= blockedGraceMs;
  return status === 'degraded' && (mode === 'job' || statusForMs >= degradedGraceMs);
}
