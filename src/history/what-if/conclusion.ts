/** Concludes a what-if: a word for programs and a sentence for people. Pure. */

import type { ServiceStatus } from '../../model/status-charts.ts';
import { formatDuration } from '../sentences/format-values.ts';
import type { ServiceOutcome } from './outcome.ts';

export type VerdictKind =
  /** Nothing follows from it. */
  | 'unchanged'
  | 'converges'
  /** Nothing falls due any more, and not everything runs. */
  | 'stuck'
  /** Nodes vanished together: nothing is moved before they return or an operator releases it. */
  | 'held'
  | 'out of time'
  | 'too much';

/** `afterMs`: when it is so; for `out of time` and `too much` how far was looked. */
export type Verdict = { kind: VerdictKind; afterMs: number; sentence: string };

/** How the simulation ended: by itself, or at a bound. */
export type RunEnd = {
  by: 'idle' | 'time' | 'work';
  /** When the last consequence happened; null when there was none. */
  lastEventMs: number | null;
  elapsedMs: number;
};

/** @param hold the message of the alarm that pauses rescheduling; null when it is not active */
export function judge(
  services: readonly ServiceOutcome[],
  hold: string | null,
  { by, lastEventMs, elapsedMs }: RunEnd,
): Verdict {
  const afterMs = lastEventMs ?? 0;
  const short = services.filter(isShort);
  const worse = short.filter((service) => !isNoWorse(service));
  if (by === 'work') {
    const sentence = `given up after ${formatDuration(elapsedMs)}: more happens than one answer holds`;
    return { kind: 'too much', afterMs: elapsedMs, sentence };
  }
  if (hold !== null) {
    const sentence = `does not converge: ${hold}; what is said to run on them may not`;
    return { kind: 'held', afterMs, sentence };
  }
  if (by === 'time') {
    const why = short.length > 0 ? formatShort(short) : 'something is still under way';
    const sentence = `does not converge within ${formatDuration(elapsedMs)}: ${why}`;
    return { kind: 'out of time', afterMs: elapsedMs, sentence };
  }
  if (worse.length > 0) {
    const sentence = `does not converge, and nothing moves after ${formatDuration(afterMs)}: ${formatShort(worse)}`;
    return { kind: 'stuck', afterMs, sentence };
  }
  const rest = short.length > 0 ? `; what was short before stays so: ${formatShort(short)}` : '';
  if (lastEventMs === null) return { kind: 'unchanged', afterMs, sentence: `nothing moves${rest}` };
  return { kind: 'converges', afterMs, sentence: `converges after ${formatDuration(afterMs)}${rest}` };
}

const isShort = ({ after }: ServiceOutcome): boolean => after !== null && !isWell(after.status);

const isWell = (status: ServiceStatus): boolean => status === 'converged' || status === 'completed';

/** It was short before, its spec did not change, and it runs as many. */
function isNoWorse({ before, after }: ServiceOutcome): boolean {
  if (isWell(before.status) || after === null) return false;
  const isSameSpec = before.generation === after.generation;
  return isSameSpec && after.running >= before.running;
}

/** A sentence names so many services; the table has them all. */
const servicesNamedMax = 3;

function formatShort(services: readonly ServiceOutcome[]): string {
  const named = services.slice(0, servicesNamedMax).map(({ service, after }) => `${service}: ${after?.reason}`);
  const rest = services.length - named.length;
  return [...named, ...(rest > 0 ? [`${rest} more`] : [])].join('; ');
}
