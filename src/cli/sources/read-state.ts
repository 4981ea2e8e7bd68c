/** Reads services, nodes and containers, now or as of a point in time, from a manager or from the log. */

import { systemClock } from '../../clock.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import type { CliContext } from '../output/context.ts';
import { type AskOptions, ask } from './ask.ts';
import { readView } from './past-view.ts';
import { pointAt, queryPoint } from './point-in-time.ts';

export type StateOptions = AskOptions & { at?: string };

/**
 * @param path of the API, with its query but for `at`
 * @param build the same of a view
 * @throws AppError `usage_invalid` and what `ask` throws
 */
export function readState<T>(
  { path, build }: { path: string; build: (view: ClusterView, source: string) => T },
  { at, ...options }: StateOptions,
  context: CliContext,
): Promise<T> {
  const nowMs = systemClock.nowMs();
  const to = pointAt(at, nowMs);
  const query = at === undefined ? '' : `${path.includes('?') ? '&' : '?'}at=${queryPoint('--at', at, nowMs)}`;
  return ask(options, context, {
    online: (api) => api.get<T>(`${path}${query}`),
    offline: async (source) => build(await readView(source, context, to), source.log.description),
  });
}
