/** A container that ended while the agent was alone, and the runs that the agent started in its place, in their order. Pure. */

import type { ReportBody } from '../reports/reporter.ts';
import type { Run } from './container-start.ts';
import type { End } from './restart-rule.ts';

type RunningBody = Extract<ReportBody, { kind: 'running' }>;
type RestartedBody = Extract<ReportBody, { kind: 'restarted' }>;

export type Link = {
  run: Run;
  running: RunningBody | null;
  /** `confirm`: the log has it, so the engine may forget the container. */
  end: { report: End; confirm: () => void } | null;
};

/** The first is in the log, the others are not until it takes them. */
export type Chain = {
  links: [Link, ...Link[]];
  /** Until the next restart, if one is due. */
  timer: NodeJS.Timeout | null;
  /** What runs of it ends, and then the end of the first is reported: the log wants something else. */
  isAbandoned: boolean;
};

export const newLink = (run: Run): Link => ({ run, running: null, end: null });

export const lastOf = ({ links }: Chain): Link => links.at(-1)!;

/** null: nothing was started that the log could take. */
export function toRestarted({ links }: Chain): RestartedBody | null {
  // What neither runs nor has ended may never do.
  const reportable = links.filter(({ running, end }) => running !== null || end !== null);
  if (reportable.length < 2 || links[0].end === null) return null;
  const runs = reportable.map(({ run: { container }, running, end }, index) => ({
    container,
    running: index === 0 || running === null ? null : withoutHead(running),
    end: end === null || index === reportable.length - 1 ? null : withoutCause(end.report),
  }));
  return { kind: 'restarted', causationId: null, runs };
}

function withoutHead({ kind: _, causationId: __, ...running }: RunningBody) {
  return running;
}

function withoutCause({ causationId: _, ...end }: End) {
  return end;
}
