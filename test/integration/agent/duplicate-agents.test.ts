/** Two agents under one node id, on the real reconciler and each bus: who has the node keeps it, who restarts has it at once. */

import { randomUUID } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Agent, createAgent } from '../../../src/agent/agent.ts';
import { createStartLimiter } from '../../../src/agent/containers/start-limiter.ts';
import { createSimulatedMachine, type SimulatedMachine } from '../../../src/agent/simulated/simulated-engine.ts';
import type { AgentBus, ManagerBus } from '../../../src/bus/bus.ts';
import { createEmbeddedBroker } from '../../../src/bus/embedded/embedded-bus.ts';
import { createAmqpAgentBus, createAmqpManagerBus } from '../../../src/bus/rabbitmq/rabbitmq-bus.ts';
import { agentPermissions, managerPermissions } from '../../../src/bus/topology.ts';
import { systemClock } from '../../../src/clock.ts';
import { createCommitLog } from '../../../src/events/log/commit-log.ts';
import type { EventType } from '../../../src/events/schema/catalog.ts';
import { type NewEvent, streams } from '../../../src/events/schema/event.ts';
import { specHash } from '../../../src/events/schema/hash.ts';
import { silentLogger } from '../../../src/logger.ts';
import { noHostAccess } from '../../../src/model/host-access.ts';
import { createProjector } from '../../../src/projections/live/projector.ts';
import { shownNodeRow } from '../../../src/projections/rows/node-row.ts';
import { createReconciler } from '../../../src/reconciler/controller/controller.ts';
import { readAll } from '../../support/log/log-events.ts';
import { createMemoryStore } from '../../support/log/memory-store.ts';
import { openRabbit, whyNoRabbit } from '../../support/servers/rabbit.ts';
import { specOf } from '../../support/specs.ts';
import { until } from '../../support/wait.ts';

const test = suite('agents of one node id');
const node = 'worker-1';
const meta = { actor: 'person:test', causationId: null };

type OpenBus = (clusterId: string) => Promise<{ manager: ManagerBus; agent(): AgentBus; close(): Promise<void> }>;

const openEmbedded: OpenBus = async (clusterId) => {
  const broker = createEmbeddedBroker({ clusterId, logger: silentLogger });
  return { manager: broker.manager('m1'), agent: () => broker.agent(node), close: () => broker.close() };
};

/** With the rights that managers and nodes really have. */
const openAmqp: OpenBus = async (clusterId) => {
  const rabbit = await openRabbit();
  const users = { manager: `manager-${clusterId}`, agent: `agent-${clusterId}` };
  await rabbit.addUser(users.manager, managerPermissions);
  await rabbit.addUser(users.agent, agentPermissions(node));
  const common = { clusterId, logger: silentLogger };
  const manager = createAmqpManagerBus({ ...common, url: rabbit.url(users.manager), managerId: 'm1' });
  return {
    manager,
    agent: () => createAmqpAgentBus({ ...common, url: rabbit.url(users.agent), node }),
    async close() {
      await manager.close();
      await rabbit.remove();
    },
  };
};

type Started = {
  agent: Agent;
  machine: SimulatedMachine;
  ready: Promise<void>;
  /** How often it was reported that the node is another's. */
  refusals(): number;
  /** As if its process were killed. */
  cutOff(): Promise<void>;
};

async function openScene(openBus: OpenBus, { nodeTimeoutMs }: { nodeTimeoutMs: number }) {
  const clusterId = randomUUID();
  const bus = await openBus(clusterId);
  const log = await createCommitLog(
    { store: createMemoryStore(), clock: systemClock, logger: silentLogger },
    { writer: 'test' },
  );
  const projector = createProjector({ log, logger: silentLogger, clock: systemClock });
  await log.append([{ stream: streams.cluster, type: 'ClusterCreated', data: { clusterId, name: 'test' }, meta }]);
  await projector.start();
  const reconciler = createReconciler(
    { vault: null, log, projector, bus: bus.manager, clock: systemClock, logger: silentLogger },
    {
      clusterId,
      controllerId: 'm1',
      isSoleWriter: true,
      nodeTimeoutMs,
      holdMs: null,
      rebalance: null,
      queueTimeoutMs: 60_000,
    },
  );
  reconciler.start();
  const ends: (() => Promise<void>)[] = [];

  const start = (hostname: string): Started => {
    const machine = createSimulatedMachine({ clock: systemClock }, { engineId: hostname });
    const engine = machine.engine({ clusterId, clusterName: 'test', node });
    const end = bus.agent();
    let refusals = 0;
    const counting: AgentBus = {
      ...end,
      consumeRefusals: (instanceId, handler) =>
        end.consumeRefusals(instanceId, (refusal) => {
          refusals += 1;
          return handler(refusal);
        }),
    };
    const agent = createAgent(
      { engine, bus: counting, clock: systemClock, logger: silentLogger, parallelStarts: createStartLimiter() },
      {
        ...{
          clusterId,
          node,
          secretsDir: null,
          hostAccess: noHostAccess,
          heartbeatMs: 200,
          hostname,
          labels: [],
          agentVersion: '1',
        },
        ...{ resyncMs: 60_000, pingMs: 1_000, engineTimeoutMs: 60_000 },
      },
    );
    const cutOff = async () => {
      await Promise.all([end.close(), agent.close()]);
      await engine.close();
    };
    ends.push(cutOff);
    return { agent, machine, ready: agent.start(), refusals: () => refusals, cutOff };
  };

  return {
    projector,
    start,
    append: (event: NewEvent) => log.append([event]),
    node: () => projector.view.nodes.get(node)!,
    count: async (type: EventType) => (await readAll(log)).filter((event) => event.type === type).length,
    async close() {
      for (const end of ends) await end();
      await reconciler.close();
      await projector.close();
      await bus.close();
      await log.close();
    },
  };
}

type Scene = Awaited<ReturnType<typeof openScene>>;
const whyNot = await whyNoRabbit();
if (whyNot !== null) console.log(`skipped: ${whyNot}`);

function onEachBus(sentence: string, options: { nodeTimeoutMs: number }, play: (scene: Scene) => Promise<void>): void {
  for (const [name, open] of [
    ['embedded', openEmbedded],
    ['rabbitmq', openAmqp],
  ] as const) {
    const reported = `${name}: ${sentence}`;
    if (name === 'rabbitmq' && whyNot !== null) test.skip(reported);
    else {
      test(reported, async () => {
        const scene = await openScene(open, options);
        await play(scene).finally(scene.close);
      });
    }
  }
}

onEachBus('the second is reported who has the node and takes nothing', { nodeTimeoutMs: 2_000 }, async (scene) => {
  const first = scene.start('left');
  await first.ready;
  const { session } = scene.node();
  const second = scene.start('right');
  const holder = await until('the second to be reported', () => second.agent.holder());
  assert.equal([holder.hostname, holder.instance], ['left', scene.node().instance]);

  const container = specOf('nginx');
  const requested = {
    service: 'web',
    generation: 1,
    changed: true,
    replicas: 4,
    container,
    specHash: specHash(container),
  };
  await scene.append({ stream: streams.service('web'), type: 'ServiceRequested', data: requested, meta });
  await until('all to run', () => scene.projector.view.services.get('web')?.running === 4);
  const runs = [...scene.projector.view.containers.keys()];
  assert.ok(runs.every((id) => first.machine.starts(id) === 1 && second.machine.starts(id) === 0));

  const [alarm] = await until('the alarm', () => [...scene.projector.view.alarms.values()]);
  assert.match(alarm!.message, /^worker-1 belongs to the agent on left .* another on right .* is refused/);
  await until('it to ask again and be reported again', () => second.refusals() >= 2);
  assert.equal([scene.node().session, second.agent.session()], [session, null]);
  assert.equal([await scene.count('RegistrationRefused'), await scene.count('NodeReturned')], [1, 0]);
  const row = shownNodeRow(scene.node());
  assert.equal([row.hostname, row.instance?.pid, row.state], ['left', process.pid, 'ready']);

  await first.cutOff();
  await second.ready;
  assert.is(scene.node().hostname, 'right');
  assert.is(second.agent.holder(), null);
});

onEachBus('a restarted agent has it at once, time after time', { nodeTimeoutMs: 60_000 }, async (scene) => {
  let last = scene.start('left');
  await last.ready;
  for (let time = 1; time <= 2; time += 1) {
    await last.cutOff();
    const startedMs = performance.now();
    last = scene.start('left');
    await last.ready;
    const tookMs = Math.round(performance.now() - startedMs);
    assert.ok(tookMs < 1_500, `it took ${tookMs} ms`);
  }
  assert.equal([await scene.count('NodeReturned'), await scene.count('RegistrationRefused')], [2, 0]);
});

test.run();
