/** States what a what-if takes for granted: an answer without it would claim more than it knows. Pure. */

import { parallelStartsDefault } from '../../model/node.ts';
import { sortNatural } from '../../projections/rows/order.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { formatDuration, formatNames } from '../sentences/format-values.ts';
import type { StartTime } from './start-time.ts';

type Taken = {
  start: StartTime;
  stopMs: number;
  nodeTimeoutMs: number;
  /** How long a container of a job runs, and whether there is a job. */
  jobs: { jobMs: number; isAny: boolean };
  /** Services whose containers failed again and again. */
  failing: readonly string[];
  /** Nodes that were silent already. */
  silent: readonly string[];
  /** Whose containers are supposed to end at once. */
  failingImages: readonly string[];
};

/** Failed more often than once, so that the real next start may well fail too. In natural order. */
export function findFailing(view: ClusterView): string[] {
  const failing = [...view.services.values()].filter(({ slots }) =>
    [...slots.values()].some(({ failures }) => failures > 1),
  );
  return sortNatural(
    failing.map(({ name }) => name),
    (name) => name,
  );
}

/** A sentence stays one: more names than this are counted. */
const namesMax = 5;

const formatFew = (names: readonly string[]) => formatNames(names.slice(0, namesMax), names.length);

/** A sentence each. */
export function describeAssumptions(taken: Taken): string[] {
  const { start, stopMs, nodeTimeoutMs, jobs, failing, silent, failingImages } = taken;
  const { startMs, samples } = start;
  const source = samples === 0 ? 'a default: few starts are known' : `the median of the last ${samples}`;
  const sentences = [
    `a start takes ${formatDuration(startMs)} (${source}), ${parallelStartsDefault} at a time on each engine`,
    `a stop takes ${formatDuration(stopMs)}, a message no time, and images are where they are needed`,
    failingImages.length === 0
      ? 'every start succeeds'
      : `every start succeeds, but containers of ${formatFew(failingImages)} end as soon as they run`,
    `a node without heartbeats for more than ${formatDuration(nodeTimeoutMs)} is lost, and stays so`,
  ];
  if (jobs.isAny) {
    sentences.push(
      `a container of a job ends with 0 after ${formatDuration(jobs.jobMs)}, and no run begins by a schedule`,
    );
  }
  if (failing.length > 0)
    sentences.push(`${formatFew(failing)} failed again and again, and is supposed not to any more`);
  if (silent.length > 0) sentences.push(`without heartbeats then, and supposed to stay so: ${formatFew(silent)}`);
  return sentences;
}
