/**
 * One node's agent: session, worker, reporter, heartbeat and engine watch, wired together. Knows the bus and its engine,
 * nothing else. Containers outlive it.
 */

import { randomUUID } from 'node:crypto';
import { Value } from '@sinclair/typebox/value';
import type { AgentBus } from '../bus/bus.ts';
import type { RegisterReport } from '../bus/messages.ts';
import type { Clock } from '../clock.ts';
import { settledWithin } from '../concurrency/deadline.ts';
import type { Logger } from '../logger.ts';
import type { HostAccess } from '../model/host-access.ts';
import { type AgentInstance, inventoryMax } from '../model/node.ts';
import { loginPurpose, RegistryLogin } from '../model/registry.ts';
import { type BoxKeys, createBoxKeys } from '../secrets/sealed-box.ts';
import { createCommandHandler } from './command-handler.ts';
import { createDigestAnswers } from './containers/digest-answers.ts';
import type { OpenLogin } from './containers/image-source.ts';
import { createSharedPulls } from './containers/shared-pulls.ts';
import type { StartLimiter } from './containers/start-limiter.ts';
import { createWorker } from './containers/worker.ts';
import type { Engine } from './engine/engine.ts';
import { type EngineWatchOptions, startEngineWatch } from './engine/engine-watch.ts';
import { createAgentQueues } from './queues.ts';
import { createContact } from './reports/contact.ts';
import { createEngineReports } from './reports/engine-reports.ts';
import { startHeartbeat } from './reports/heartbeat.ts';
import { createReporter } from './reports/reporter.ts';
import { createSession } from './session.ts';
import type { Holder, Inventory } from './session-machine.ts';
import { createAgentStreams } from './streams/agent-streams.ts';

export type Agent = {
  /** Resolves when a wanted set was applied for the first time; tries until then. Never, when it is closed before. */
  start(): Promise<void>;
  /** null: not registered, or given up by the managers. */
  session(): number | null;
  /** The live agent that has the node, when this one was refused for it; null otherwise. */
  holder(): Holder | null;
  /** Within 3 s. Nothing new starts, containers keep running. The bus and the engine stay open. */
  close(): Promise<void>;
};

export type AgentDeps = {
  engine: Engine;
  bus: AgentBus;
  clock: Clock;
  logger: Logger;
  /** Shared by the agents of one engine. */
  parallelStarts: StartLimiter;
};

export type AgentOptions = {
  clusterId: string;
  node: string;
  /** Folder of secrets, one file each; null: containers with secrets do not start here. */
  secretsDir: string | null;
  /** What of this machine containers may use. */
  hostAccess: HostAccess;
  heartbeatMs: number;
  hostname: string;
  labels: RegisterReport['labels'];
  agentVersion: string;
  /** The containers of an engine that does not answer for longer count as lost. */
  engineTimeoutMs: number;
} & Pick<EngineWatchOptions, 'resyncMs' | 'pingMs'>;

/** Starts under way and reports on their way get this long, one after the other. */
const idleDeadlineMs = 1_500;
const drainDeadlineMs = 1_000;

export function createAgent(deps: AgentDeps, options: AgentOptions): Agent {
  const { bus, clock, parallelStarts } = deps;
  const engine: Engine = { ...deps.engine, pull: createSharedPulls(deps.engine) };
  const { clusterId, node, secretsDir, hostAccess, heartbeatMs, hostname, labels, agentVersion } = options;
  const logger = deps.logger.child({ node });
  const closing = new AbortController();
  const ready = Promise.withResolvers<void>();
  let closers: (() => void)[] = [];
  const instance = beginInstance(clock);
  const ids = { clusterId, node, instanceId: instance.id };
  const keys = createBoxKeys();
  const contact = createContact({ bus, clock });
  const openLogin = createOpenLogin(keys, { clusterId, node });

  const session = createSession(
    { bus, clock, logger },
    {
      ...{ clusterId, node, instance, publicKey: keys.publicKey, hostname, labels, agentVersion },
      ...reportedAccess(hostAccess),
      takeInventory: () => takeInventory(engine),
      onUnanswered() {
        queues.readCommands();
        queues.readRefusals();
      },
      onRegistered: contact.heard,
      onRefused: () => queues.leaveCommands(),
    },
  );
  const reporter = createReporter({ bus, clock, logger }, { clusterId, node, session: session.number });
  const digests = createDigestAnswers({ reporter });
  const worker = createWorker(
    { engine, contact, digests, openLogin, parallelStarts, secretsDir, hostAccess, reporter, clock, logger },
    { closing: closing.signal, hasSession: () => session.number() !== null },
  );

  const onCommand = createCommandHandler(
    { session, worker, contact, digests, engine, logger },
    {
      ...{ ...ids, closing: closing.signal },
      onRegistered: () => queues.leaveRefusals(),
      onSynced: ready.resolve,
    },
  );
  const streams = createAgentStreams({ bus, engine, clock, logger, specOf: worker.specOf }, { clusterId, node });
  const queues = createAgentQueues(bus, { ...ids, onCommand, onRefusal: session.refused, onStream: streams.handle });

  const open = (): (() => void)[] => {
    const stopListening = bus.onConnected(session.connected);
    const engineReports = createEngineReports(
      { bus, clock, logger },
      { clusterId, node, session: session.number, timeoutMs: options.engineTimeoutMs },
    );
    const onHints = { onContainer: worker.look, onList: worker.compare };
    const watch = startEngineWatch(
      { engine, clock, logger },
      { ...options, ...onHints, onLost: engineReports.lost, onReturned: engineReports.returned },
    );
    const of = { session: session.number, running: worker.running, onTaken: contact.heard };
    const heartbeat = startHeartbeat({ bus, clock }, { ...ids, everyMs: heartbeatMs, ...of });
    return [stopListening, session.close, engineReports.close, () => watch.close(), () => heartbeat.unsubscribe()];
  };

  return {
    start() {
      queues.readCommands();
      closers = open();
      return ready.promise;
    },
    session: session.number,
    holder: session.holder,
    async close() {
      closing.abort();
      for (const close of closers.splice(0).reverse()) close();
      await settledWithin(idleDeadlineMs, Promise.all([queues.close(), worker.idle(), streams.close()]));
      await settledWithin(drainDeadlineMs, reporter.drained());
      reporter.close();
    },
  };
}

/** Nothing is not said: managers of before do not know the member. */
const reportedAccess = (hostAccess: HostAccess) =>
  hostAccess.binds.length + hostAccess.devices.length === 0 ? {} : { hostAccess };
/** The private key is in the memory of this process and nowhere else. */
function createOpenLogin(keys: BoxKeys, { clusterId, node }: Pick<AgentOptions, 'clusterId' | 'node'>): OpenLogin {
  return ({ session, host, version, sealed }) => {
    const content = keys.open(sealed, loginPurpose({ clusterId, node, session, host, version }));
    return Value.Parse(RegistryLogin, JSON.parse(content.toString('utf8')));
  };
}

const beginInstance = (clock: Clock): AgentInstance => ({
  id: randomUUID(),
  pid: process.pid,
  startedAt: new Date(clock.nowMs()).toISOString(),
});

/** Recorded with the registration. A sync decides from the whole list, when the wanted set comes. */
async function takeInventory(engine: Engine): Promise<Inventory> {
  const [description, found] = [await engine.describe(), await engine.list()];
  const inventory = found.slice(0, inventoryMax).map(({ container, service, slot, specHash, state, exitCode }) => {
    return { container, service, slot, specHash, state, exitCode };
  });
  return { engine: description, inventory };
}
