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
import type { AppError } from '../errors.ts';
import type { EventLog } from '../events/log/event-log.ts';
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
import { createHeardSince, createStreamClient, type StreamClient } from '../streams/stream-client.ts';
import type { ReadClientTls } from '../tls/client-tls.ts';
import type { Config } from './config.ts';
import { openMembers } from './join/open-members.ts';
import { measureAppends } from './metrics/append-metrics.ts';
import { createMetrics } from './metrics/metrics.ts';
import { openCluster } from './open-cluster.ts';
import { openVault } from './open-vault.ts';
import { openAmqpTls } from './tls/amqp-tls.ts';
import { openServerTls } from './tls/server-tls.ts';
import { readVersion } from './version.ts';
import { openLogWhenAvailable } from './wait-for-log.ts';

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
    const cluster = await openCluster({ log, projector, managerId }, config, { ...options, closing });

    const ids = { clusterId: cluster.id, managerId };
    const vault = await openVault(config, { db, log, projector, logger }, { ...ids, closing });

    const readTls = await openAmqpTls(config.amqpTls);
    const { bus, agentBus, closeBus } = openBus(config, { readTls, ...ids, logger });
    closing.add('bus', 'bus', closeBus);
    const reconciler = createReconciler(
      { log, projector, bus, vault, clock: systemClock, logger },
      {
        ...{ clusterId: cluster.id, controllerId: managerId, isSoleWriter: config.mongodbUrl === null },
        ...planningOf(config),
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
    const streams = openStreams({ bus, projector }, { ...ids, closing });
    const tls = await openServerTls(config, { ...options, closing, metrics });
    const members = await openMembers(config, { cluster, readTls });
    const http = createHttpServer(
      { log, projector, past, clock: systemClock, logger, status, metrics, streams },
      { ...httpOptionsOf(config), tls, members, vault, version },
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

function planningOf({ nodeTimeoutMs, queueTimeoutMs, holdMs, rebalance }: Config) {
  return { nodeTimeoutMs, queueTimeoutMs, holdMs, rebalance };
}

function httpOptionsOf(config: Config) {
  const { host, port, tokens, callsPerSecond, connectionsPerAddress, nodeTimeoutMs, queueTimeoutMs } = config;
  return { host, port, tokens, callsPerSecond, connectionsPerAddress, nodeTimeoutMs, queueTimeoutMs };
}

function openStreams(
  { bus, projector }: { bus: ManagerBus; projector: Projector },
  { clusterId, managerId, closing }: { clusterId: string; managerId: string; closing: Closing<'work'> },
): StreamClient {
  const deps = { bus, clock: systemClock, isHeardSince: createHeardSince(projector) };
  const streams = createStreamClient(deps, { clusterId, managerId });
  closing.add('work', 'streams', async () => streams.close());
  return streams;
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
