/** Estimates how long a start takes, from the starts that a view remembers. Pure. */

import { parallelStartsDefault } from '../../model/node.ts';
import type { ClusterView, ContainerView } from '../../projections/view/cluster-view.ts';
import { parseIsoTime } from '../../projections/view/iso-time.ts';

/** Measured: one Docker daemon starts 6.8 containers a second four at a time, so that each takes this long. */
const startMsDefault = 600;

/** The last so many starts: what was long ago ran on other machines. */
const samplesMax = 200;
/** From fewer a median says little. */
const samplesMin = 5;

/** `samples`: how many starts it is the median of; 0 = the view remembers too few, it is the default. */
export type StartTime = { startMs: number; samples: number };

export function estimateStartTime(view: ClusterView): StartTime {
  const started = [...view.containers.values()]
    .filter(({ runningAt }) => runningAt !== null)
    .sort((a, b) => b.queuedPosition - a.queuedPosition)
    .slice(0, samplesMax)
    .reverse();
  const times = [...Map.groupBy(started, ({ engineId }) => engineId).values()].flatMap(timesOfEngine);
  if (times.length < samplesMin) return { startMs: startMsDefault, samples: 0 };
  times.sort((a, b) => a - b);
  return { startMs: times[times.length >> 1]!, samples: times.length };
}

/**
 * From its permit until it ran. A container that was placed together with many others waited for its permit first, and the
 * simulated engine lets it wait again.
 * @param started in the order of their placement
 */
function timesOfEngine(started: readonly ContainerView[]): number[] {
  const permitsFreeMs: number[] = Array.from({ length: parallelStartsDefault }, () => 0);
  return started.flatMap(({ queuedAt, runningAt }) => {
    const permit = permitsFreeMs.indexOf(Math.min(...permitsFreeMs));
    const beganMs = Math.max(parseIsoTime(queuedAt), permitsFreeMs[permit]!);
    const ranMs = parseIsoTime(runningAt!);
    permitsFreeMs[permit] = Math.max(ranMs, permitsFreeMs[permit]!);
    return ranMs > beganMs ? [ranMs - beganMs] : [];
  });
}
