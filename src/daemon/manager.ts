/**
 * One manager process: opens log and bus, folds, reconciles, serves HTTP, and closes all of it within one deadline.
 * It decides nothing.
 */

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { AgentBus, ManagerBus } from '../bus/bus.ts';
import { createEmbeddedBroker } from '../bus/embedded/embedded-bus.ts';
import { createAmqpManagerBus } from '../bus/rabbitmq/rabbitmq-bus.ts';
import { systemClock } from '../clock.ts';
import { unlessAborted } from '../concurrency/unless-aborted.ts';
import { AppError, hasCode } from '../errors.ts';
import type { EventLog } from '../events/log/event-log.ts';
import { assertAnchor, createAnchorWriter } from '../events/log-anchor.ts';
import { type NewEvent, streams } from '../events/schema/event.ts';
import { createTimeTravel } from '../history/replay/past-views.ts';
import { createRetentionLoop } from '../history/retention/retention-loop.ts';
import { createChainAudit } from '../history/verify/chain-audit.ts';
import { createSelfCheck } from '../history/verify/self-check.ts';
import { startHealthServer } from '../http/health-server.ts';
import type { ControlPlaneStatus } from '../http/response/status.ts';
import { createHttpServer } from '../http/server.ts';
import type { Logger } from '../logger.ts';
import { type Closing, createClosing } from '../process/shutdown.ts';
import { createProjector, type Projector } from '../projections/live/projector.ts';
import { createSnapshotWriter } from '../projections/live/snapshot-writer.ts';
import { createReadModelWriter } from '../projections/read-models/read-model-writer.ts';
import { createSnapshotCollection } from '../projections/read-models/snapshot-collection.ts';
import { createSnapshotFiles, snapshotFolder } from '../projections/snapshots/snapshot-files.ts';
import { createReconciler, type Reconciler } from '../reconciler/controller/controller.ts';
import { controllerActor } from '../reconciler/planner/step.ts';
import type { ReadClientTls } from '../tls/client-tls.ts';
import { ensureAdminToken } from './admin-token.ts';
import type { Config } from './config.ts';
import { openMembers } from './join/open-members.ts';
import { measureAppends } from './metrics/append-metrics.ts';
import { createMetrics } from './metrics/metrics.ts';
import { openAmqpTls } from './tls/amqp-tls.ts';
import { openServerTls } from './tls/server-tls.ts';
import { readVersion } from './version.ts';
import { openLogWhenAvailable, retryWhileUnavailable } from './wait-for-log.ts';

export type Manager = {
  /** Where it serves, e.g. `http://127.0.0.1:5000`. */
  url: string;
  cluster: { id: string; name: string };
  /** The agents' end of the embedded bus; null with RabbitMQ, where agents connect themselves. */
  agentBus: ((node: string) => AgentBus) | null;
  /** Node ids that are ready in the view. */
  readyNodes(): string[];
  /**
   * Stops taking requests, resigns, lets go of bus and log. Within 4 s, or what it is given, also while the database is
   * away: an append that is undecided then is undecided for its caller too.
   */
  close(options?: { withinMs?: number }): Promise<void>;
};

const closeDeadlineMs = 4_000;
/** Work needs the bus, nothing else does, the view needs the log. */
const closeOrder = ['work', 'bus', 'view', 'log'] as const;

export type ManagerOptions = {
  logger: Logger;
  /** The manager cannot go on (the fold broke): the process should end with this error. */
  onFatal: (error: AppError) => void;
  /** Noted beside the log: one that is empty now has lost what was in it. */
  knownClusterId?: string | null;
  /** Ends a start that waits for the database. */
  signal?: AbortSignal | undefined;
  /** A sentence for users while the start waits for the database. */
  onWaiting?: (sentence: string) => void;
  /** A sentence for users about what the start did. */
  onNotice?: (sentence: string) => void;
};

/**
 * Waits for a database that does not answer; serves once the view is folded.
 * @throws AppError `log_corrupt` · `fold_failed` · `cluster_mismatch` and what the ports refuse · the
 *   signal's reason
 */
export async function startManager(config: Config, options: ManagerOptions): Promise<Manager> {
  const { logger, onFatal } = options;
  const managerId = `${hostname()}-${randomUUID().slice(0, 8)}`;
  const closing = createClosing(closeOrder, { logger });
  const close: Manager['close'] = ({ withinMs = closeDeadlineMs } = {}) => closing.close(withinMs);

  try {
    const version = readVersion();
    const metrics = createMetrics({ version });
    const { log: opened, db } = await openLogWhenAvailable(config, { ...options, writer: managerId });
    const log = measureAppends(opened, systemClock, metrics.observeAppend);
    closing.add('log', 'log', () => log.close());
    const snapshots = db ? createSnapshotCollection(db) : createSnapshotFiles(join(config.dataDir, snapshotFolder));
    const projector = createProjector({ log, logger, clock: systemClock, snapshots }, { onFatal });
    closing.add('view', 'projector', () => projector.close());
    await startView(config, { log, projector, ...options }, closing);
    const cluster = await retryWhileUnavailable(
      () => ensureCluster({ log, projector }, config, options.knownClusterId),
      options,
    );
    await openToPeople({ log, projector, managerId }, config, options);

    const readTls = await openAmqpTls(config.amqpTls);
    const { bus, agentBus, closeBus } = openBus(config, { readTls, clusterId: cluster.id, managerId, logger });
    closing.add('bus', 'bus', closeBus);
    const reconciler = createReconciler(
      { log, projector, bus, clock: systemClock, logger },
      {
        clusterId: cluster.id,
        controllerId: managerId,
        isSoleWriter: config.mongodbUrl === null,
        nodeTimeoutMs: config.nodeTimeoutMs,
        queueTimeoutMs: config.queueTimeoutMs,
      },
    );
    reconciler.start();
    closing.add('work', 'reconciler', () => reconciler.close());
    const isLeader = () => reconciler.term() !== null;
    const selfCheck = createSelfCheck({ log, projector, snapshots, logger }, { managerId });
    closing.add('work', 'self-check', () => selfCheck.close());
    const onTaken = selfCheck.check;
    const chainAudit = createChainAudit({ log, projector, logger }, { managerId });
    closing.add('work', 'chain audit', () => chainAudit.close());
    const snapshotWriter = createSnapshotWriter({ projector, snapshots, logger, isWriter: isLeader, onTaken });
    closing.add('work', 'snapshots', () => snapshotWriter.close());
    const retention = createRetentionLoop(
      { log, logger, term: () => reconciler.term() },
      { retentionMs: config.telemetryRetentionMs, actor: controllerActor },
    );
    closing.add('work', 'retention', () => retention.close());
    if (db) {
      const readModels = createReadModelWriter({ db, projector, logger, isLeader });
      closing.add('work', 'read models', () => readModels.close());
    }

    const status = () => describeStatus({ managerId, cluster, log, projector, bus, reconciler });
    const stopCounting = metrics.watch({ log, projector, clock: systemClock, status });
    closing.add('work', 'metrics', async () => stopCounting());
    const past = createTimeTravel({ log, logger, snapshots });
    closing.add('work', 'past', async () => past.close());
    const tls = await openServerTls(config, { ...options, closing, metrics });
    const members = await openMembers(config, { cluster, readTls });
    const http = createHttpServer(
      { log, projector, past, clock: systemClock, logger, status, metrics },
      { ...httpOptionsOf(config), tls, members, version },
    );
    closing.add('work', 'http', () => http.close());
    const { url } = await http.listen();
    await openHealth(config, status, closing);

    const readyNodes = () =>
      [...projector.view.nodes.values()].filter(({ state }) => state === 'ready').map(({ id }) => id);
    return { url, cluster, agentBus, readyNodes, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function httpOptionsOf(config: Config) {
  const { host, port, tokens, callsPerSecond, connectionsPerAddress, nodeTimeoutMs, queueTimeoutMs } = config;
  return { host, port, tokens, callsPerSecond, connectionsPerAddress, nodeTimeoutMs, queueTimeoutMs };
}

/** Where every caller needs a token there is a first one. */
async function openToPeople(
  { log, projector, managerId }: { log: EventLog; projector: Projector; managerId: string },
  config: Config,
  options: ManagerOptions,
): Promise<void> {
  const actor = `manager:${managerId}`;
  const path = await retryWhileUnavailable(() => ensureAdminToken({ log, projector }, config, actor), options);
  if (path !== null) options.onNotice?.(`a first admin token is in ${path}: CO_TOKEN="$(cat ${path})" ./coctl …`);
}

async function openHealth(
  { healthHost: host, healthPort: port }: Config,
  status: () => ControlPlaneStatus,
  closing: Closing<'work'>,
): Promise<void> {
  if (port === null) return;
  const health = await startHealthServer({ status }, { host, port });
  closing.add('work', 'health', () => health.close());
}

/**
 * Folds the log, if it is the one that was here last. Only the embedded log has a witness beside it: a database is shared by managers with
 * folders of their own. @throws AppError `log_cut` · what the projector throws
 */
async function startView(
  { mongodbUrl, dataDir }: Config,
  {
    log,
    projector,
    logger,
    signal,
  }: Pick<ManagerOptions, 'logger' | 'signal'> & { log: EventLog; projector: Projector },
  closing: Closing<'view'>,
): Promise<void> {
  if (mongodbUrl !== null) return unlessAborted(projector.start(), signal);
  await assertAnchor(log, dataDir);
  const anchor = createAnchorWriter(dataDir, { logger });
  closing.add('view', 'anchor', () => anchor.close());
  projector.onFolded((_events, commit) => anchor.note(commit));
  await unlessAborted(projector.start(), signal);
}

type BusOptions = { readTls: ReadClientTls; clusterId: string; managerId: string; logger: Logger };

function openBus(
  config: Config,
  { readTls, clusterId, managerId, logger }: BusOptions,
): { bus: ManagerBus; agentBus: Manager['agentBus']; closeBus: () => Promise<void> } {
  if (config.amqpUrl !== null) {
    const bus = createAmqpManagerBus({ url: config.amqpUrl, readTls, clusterId, managerId, logger });
    return { bus, agentBus: null, closeBus: () => bus.close() };
  }
  const broker = createEmbeddedBroker({ clusterId, logger });
  return { bus: broker.manager(managerId), agentBus: (node) => broker.agent(node), closeBus: () => broker.close() };
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
): Promise<Manager['cluster']> {
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

function describeStatus(parts: {
  managerId: string;
  cluster: Manager['cluster'];
  log: EventLog;
  projector: Projector;
  bus: ManagerBus;
  reconciler: Reconciler;
}): ControlPlaneStatus {
  const { managerId, cluster, log, projector, bus, reconciler } = parts;
  const { term, controllerId, resigned } = projector.view.controller;
  const problem = projector.problem() ?? log.problem();
  const busStatus = bus.status();
  const hasLeader = term > 0 && !resigned;
  const notReady = [
    problem === null ? null : `the log cannot be used: ${problem}`,
    busStatus.state === 'connected' ? null : `the bus is not connected: ${busStatus.trouble ?? busStatus.state}`,
    hasLeader ? null : 'no manager leads yet',
  ].filter((sentence) => sentence !== null);
  return {
    managerId,
    cluster,
    log: { description: log.description, trouble: problem },
    bus: busStatus,
    leader: hasLeader ? { term, controllerId, isSelf: reconciler.term() === term } : null,
    ready: notReady.length === 0,
    notReady,
  };
}
