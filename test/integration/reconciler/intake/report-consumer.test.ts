/** Reports on their way into the log: on the embedded bus and a real log in memory, of one manager and of two. */

import { randomUUID } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AgentBus, ManagerBus } from '../../../../src/bus/bus.ts';
import { createEmbeddedBroker } from '../../../../src/bus/embedded/embedded-bus.ts';
import type { Command, Report } from '../../../../src/bus/messages.ts';
import { systemClock } from '../../../../src/clock.ts';
import type { EventLog } from '../../../../src/events/log/event-log.ts';
import { type NewEvent, streams } from '../../../../src/events/schema/event.ts';
import { specHash } from '../../../../src/events/schema/hash.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { createProjector, type Projector } from '../../../../src/projections/live/projector.ts';
import { createLiveness } from '../../../../src/reconciler/intake/liveness.ts';
import { createReportConsumer } from '../../../../src/reconciler/intake/report-consumer.ts';
import { createFaultyLog, openMemoryLog } from '../../../support/http/http-logs.ts';
import { readAll } from '../../../support/log/log-events.ts';
import { specOf } from '../../../support/specs.ts';
import { until } from '../../../support/wait.ts';

const test = suite('report consumer');
const clusterId = randomUUID();
const node = 'worker-1';
const container = specOf('nginx');
const meta = { actor: 'controller', causationId: null };

type Cluster = {
  log: EventLog;
  agent: AgentBus;
  /** A manager's intake; the first one opened gets the reports, the others wait. */
  open(name: string, parts?: Parts): Promise<Opened>;
};
type Parts = {
  log?: EventLog;
  /** Of the monotonic clock. */
  aheadMs?: () => number;
  /** What the view waits for before it takes in a commit. */
  isFollowing?: () => Promise<void>;
};
type Opened = { projector: Projector; bus: ManagerBus; close(): Promise<void> };

function scenario(name: string, play: (cluster: Cluster) => Promise<void>): void {
  test(name, async () => {
    const log = await openMemoryLog();
    const broker = createEmbeddedBroker({ clusterId, logger: silentLogger });
    const opened: Opened[] = [];
    const open: Cluster['open'] = async (manager, parts = {}) => {
      const { log: ownLog = log, aheadMs = () => 0, isFollowing = async () => {} } = parts;
      const follow: EventLog['follow'] = async function* (options) {
        for await (const commits of log.follow(options)) {
          await isFollowing();
          yield commits;
        }
      };
      const projector = createProjector({ log: { ...log, follow }, logger: silentLogger, clock: systemClock });
      await projector.start();
      const bus = broker.manager(manager);
      const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs() };
      const heartbeats = createLiveness(systemClock, { timeoutMs: 5_000 });
      const deps = { log: ownLog, projector, bus, heartbeats, clock, logger: silentLogger };
      const reports = createReportConsumer(deps, { clusterId });
      reports.start();
      let isClosed = false;
      const close = async () => {
        if (isClosed) return;
        isClosed = true;
        await reports.close();
        await projector.close();
      };
      opened.push({ projector, bus, close });
      return opened.at(-1)!;
    };
    try {
      await play({ log, agent: broker.agent(node), open });
    } finally {
      for (const { close } of opened) await close();
      await broker.close();
      await log.close();
    }
  });
}

const head = () => ({ clusterId, node, reportId: randomUUID(), at: new Date().toISOString() });
const engine = { kind: 'simulated', engineId: 'e', version: '1', memoryBytes: 1, cpuMillis: 1 } as const;
const registers = (): Report => {
  const machine = { engine, hostname: 'h', agentVersion: '1', labels: [], inventory: [] };
  return { kind: 'register', ...head(), registrationId: randomUUID(), ...machine };
};
const starting = (id: string): Report => ({
  kind: 'starting',
  ...head(),
  session: 1,
  container: id,
  causationId: null,
});

function queued(id: string, slot: number): NewEvent {
  const spec = { generation: 1, specHash: specHash(container), image: container.image };
  const placement = { session: 1, engineId: 'e', replaces: null, candidates: [], filtered: [] };
  const queueDeadline = new Date(Date.now() + 60_000).toISOString();
  const data = { container: id, service: 'web', slot, node, ...spec, ...placement, queueDeadline };
  return { stream: streams.container(id), type: 'ContainerQueued', data, meta };
}

/** A registered node with containers in queue: the node is position 1, so its session. */
async function givenQueued({ log, agent }: Cluster, { projector }: Opened, ...ids: string[]): Promise<void> {
  await agent.sendReport(registers());
  await until('the node is known', () => projector.view.nodes.has(node));
  const requested: NewEvent = {
    stream: streams.service('web'),
    type: 'ServiceRequested',
    data: {
      ...{ service: 'web', generation: 1, changed: true, replicas: ids.length },
      ...{ container, specHash: specHash(container) },
    },
    meta,
  };
  await projector.waitFor((await log.append([requested, ...ids.map((id, index) => queued(id, index + 1))])).last);
}

const stateOf = ({ projector }: Opened, id: string) => projector.view.containers.get(id)?.state;

scenario('a registration that the bus delivers twice begins one session', async (cluster) => {
  const manager = await cluster.open('manager-1');
  const [first, second] = [registers(), registers()];
  await cluster.agent.sendReport(first);
  await until('the node is known', () => manager.projector.view.nodes.has(node));
  for (const report of [first, second, first]) await cluster.agent.sendReport(report);
  const stale = { container: 'web.1-a', causationId: null, reason: 'not wanted' };
  await cluster.agent.sendReport({ kind: 'stale-removed', ...head(), session: 1, ...stale });
  const types = async () => (await readAll(cluster.log)).map(({ type }) => type);
  await until('the last is taken in', async () => (await types()).includes('StaleContainerRemoved'));
  // What was delivered before it is handled then.
  await manager.close();
  assert.equal((await types()).toSorted(), ['NodeRegistered', 'NodeReturned', 'StaleContainerRemoved']);
});

scenario('a node that returns reports hundreds of stale containers at once: each is recorded', async (cluster) => {
  const staleContainers = 400;
  const manager = await cluster.open('manager-1');
  await givenQueued(cluster, manager);
  const stale = (n: number): Report => {
    const reason = 'not wanted';
    return { kind: 'stale-removed', ...head(), session: 1, container: `web.${n}-a`, causationId: null, reason };
  };
  await Promise.all(Array.from({ length: staleContainers }, (_, n) => cluster.agent.sendReport(stale(n + 1))));
  await until('all are recorded', async () => {
    const removed = (await readAll(cluster.log)).filter(({ type }) => type === 'StaleContainerRemoved');
    return removed.length === staleContainers;
  });
  assert.equal(await manager.bus.readDeadLetters(10), []);
});

scenario('a report of a container that the log never had has it removed from its engine', async (cluster) => {
  const manager = await cluster.open('manager-1');
  await givenQueued(cluster, manager);
  const commands: Command[] = [];
  cluster.agent.consumeCommands(async (command) => {
    commands.push(command);
    return 'ack';
  });
  await cluster.agent.sendReport(starting('web.7-zz'));
  const [removal] = await until('a command arrives', () => (commands.length > 0 ? commands : null));
  assert.ok(removal?.kind === 'remove', removal?.kind);
  assert.is(removal.container, 'web.7-zz');
  assert.is(removal.session, 1);
  assert.not((await readAll(cluster.log)).some(({ type }) => type === 'ContainerStarting'));
});

scenario('a container that the view does not have yet is waited for, not removed', async (cluster) => {
  let isFollowing = Promise.withResolvers<void>();
  isFollowing.resolve();
  const manager = await cluster.open('manager-1', { isFollowing: () => isFollowing.promise });
  await givenQueued(cluster, manager, 'web.1-a');
  const commands: Command[] = [];
  cluster.agent.consumeCommands(async (command) => {
    commands.push(command);
    return 'ack';
  });
  isFollowing = Promise.withResolvers();
  await cluster.log.append([queued('web.2-b', 2)]);
  await cluster.agent.sendReport(starting('web.2-b'));
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.is(stateOf(manager, 'web.2-b'), undefined);
  isFollowing.resolve();
  await until('it starts', () => stateOf(manager, 'web.2-b') === 'starting');
  assert.equal(commands, []);
});

scenario('reports go to another manager while the log refuses this one, and come back', async (cluster) => {
  const faulty = createFaultyLog(cluster.log);
  let aheadMs = 0;
  const first = await cluster.open('manager-1', { log: faulty.log, aheadMs: () => aheadMs });
  const second = await cluster.open('manager-2');
  await givenQueued(cluster, first, 'web.1-a', 'web.2-b');
  await second.projector.waitFor(first.projector.view.position);

  faulty.setAway(true);
  await cluster.agent.sendReport(starting('web.1-a'));
  await until('the first manager fails with it', () => faulty.refusals() >= 1);
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.is(stateOf(second, 'web.1-a'), 'in queue', 'for 5 s it is tried again');
  aheadMs = 5_001;
  await until('the second manager has it', () => stateOf(second, 'web.1-a') === 'starting');

  faulty.setAway(false);
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  await second.close();
  await cluster.agent.sendReport(starting('web.2-b'));
  await until('the first manager has the next one', () => stateOf(first, 'web.2-b') === 'starting');
  assert.equal(await first.bus.readDeadLetters(10), []);
});

scenario('progress of pulls is recorded together, at the latest when the manager stops', async (cluster) => {
  const manager = await cluster.open('manager-1');
  await givenQueued(cluster, manager, 'web.1-a', 'web.2-b');
  const pull = { session: 1, causationId: null, image: 'nginx', currentBytes: 1, totalBytes: 2 };
  for (const id of ['web.1-a', 'web.2-b', 'web.1-a']) {
    await cluster.agent.sendReport({ kind: 'pull-progress', ...head(), container: id, ...pull });
  }
  await cluster.agent.sendReport(starting('web.1-a'));
  await until('they have arrived', () => stateOf(manager, 'web.1-a') === 'starting');
  await manager.close();
  const recorded = (await readAll(cluster.log)).flatMap(({ type, data }) =>
    type === 'PullProgressReported' && 'pulls' in data ? data.pulls.map(({ container }) => container) : [],
  );
  assert.equal(recorded.toSorted(), ['web.1-a', 'web.2-b']);
});

test.run();
