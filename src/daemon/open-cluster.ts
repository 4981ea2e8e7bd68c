/**
 * Opens the cluster of a log: folds it, if it is the one that was here last, begins a new one in an empty log, and records what a
 * start has to.
 */

import { randomUUID } from 'node:crypto';
import { unlessAborted } from '../concurrency/unless-aborted.ts';
import { AppError, hasCode } from '../errors.ts';
import type { EventLog } from '../events/log/event-log.ts';
import { assertAnchor, createAnchorWriter } from '../events/log-anchor.ts';
import { type NewEvent, streams } from '../events/schema/event.ts';
import type { Closing } from '../process/shutdown.ts';
import type { Projector } from '../projections/live/projector.ts';
import { acceptClock } from './accepted-clock.ts';
import { ensureAdminToken } from './admin-token.ts';
import type { Config } from './config.ts';
import { retryWhileUnavailable, type WaitOptions } from './wait-for-log.ts';

export type OpenCluster = { id: string; name: string };

export type OpenOptions = WaitOptions & {
  /** Noted beside the log: one that is empty now has lost what was in it. */
  knownClusterId?: string | null;
  /** A sentence for users about what the start did. */
  onNotice?: ((sentence: string) => void) | undefined;
};

/** @throws AppError `log_cut` · `log_missing` · `log_corrupt` · `fold_failed` · `cluster_mismatch` · the signal's reason */
export async function openCluster(
  opened: Opened,
  config: Config,
  { closing, ...options }: OpenOptions & { closing: Closing<'view'> },
): Promise<OpenCluster> {
  await startView(config, { ...opened, ...options }, closing);
  const cluster = await retryWhileUnavailable(() => ensureCluster(opened, config, options.knownClusterId), options);
  await correctClock(opened, config, options);
  await openToPeople(opened, config, options);
  return cluster;
}

type Opened = { log: EventLog; projector: Projector; managerId: string };

async function correctClock(
  { log, projector, managerId }: Opened,
  config: Config,
  options: OpenOptions,
): Promise<void> {
  const accept = () => acceptClock({ log, projector }, config, `manager:${managerId}`);
  const sentence = await retryWhileUnavailable(accept, options);
  if (sentence !== null) options.onNotice?.(sentence);
}

/** Where every caller needs a token there is a first one. */
async function openToPeople(
  { log, projector, managerId }: Opened,
  config: Config,
  options: OpenOptions,
): Promise<void> {
  const actor = `manager:${managerId}`;
  const path = await retryWhileUnavailable(() => ensureAdminToken({ log, projector }, config, actor), options);
  if (path !== null) options.onNotice?.(`a first admin token is in ${path}: CO_TOKEN="$(cat ${path})" ./coctl …`);
}

/**
 * Folds the log, if it is the one that was here last. Only the embedded log has a witness beside it: a database is shared by managers with
 * folders of their own. @throws AppError `log_cut` · what the projector throws
 */
async function startView(
  { mongodbUrl, dataDir }: Config,
  { log, projector, logger, signal }: Pick<OpenOptions, 'logger' | 'signal'> & Pick<Opened, 'log' | 'projector'>,
  closing: Closing<'view'>,
): Promise<void> {
  if (mongodbUrl !== null) return unlessAborted(projector.start(), signal);
  await assertAnchor(log, dataDir);
  const anchor = createAnchorWriter(dataDir, { logger });
  closing.add('view', 'anchor', () => anchor.close());
  projector.onFolded((_events, commit) => anchor.note(commit));
  await unlessAborted(projector.start(), signal);
}

function lostLog({ description }: EventLog, { dataDir }: Config, clusterId: string): AppError {
  const what = `the log at ${description} is empty, and ${dataDir} is noted for cluster ${clusterId}`;
  const hint = 'restore the log from a backup or an export; ./bootstrap/down --purge forgets the cluster';
  return new AppError('log_missing', `${what}: ${hint}`);
}

/** Position 1 is ClusterCreated. The first manager of a new log writes it; two at once settle it in the log. */
async function ensureCluster(
  { log, projector }: { log: EventLog; projector: Projector },
  config: Config,
  knownClusterId: string | null = null,
): Promise<OpenCluster> {
  if (projector.view.position === 0) {
    if (knownClusterId !== null) throw lostLog(log, config, knownClusterId);
    const created: NewEvent = {
      stream: streams.cluster,
      type: 'ClusterCreated',
      data: { clusterId: config.clusterId ?? randomUUID(), name: config.cluster },
      meta: { actor: 'person:operator', causationId: null },
    };
    const expect = [{ stream: streams.cluster, version: 0 }];
    await log.append([created], { expect }).catch((error: unknown) => {
      if (!hasCode(error, 'expectation_failed')) throw error;
    });
    await projector.waitFor(1);
  }
  const { cluster } = projector.view;
  if (!cluster) throw new AppError('log_corrupt', 'the log does not begin with ClusterCreated');
  if (cluster.name !== config.cluster) {
    const message = `the log at ${log.description} is of cluster "${cluster.name}", not "${config.cluster}"`;
    throw new AppError('cluster_mismatch', `${message}: give --cluster ${cluster.name}, or another place for the data`);
  }
  if (config.clusterId !== null && config.clusterId !== cluster.id) {
    throw new AppError(
      'cluster_mismatch',
      `the log is of cluster id ${cluster.id}, CO_CLUSTER_ID says ${config.clusterId}`,
    );
  }
  return { id: cluster.id, name: cluster.name };
}
