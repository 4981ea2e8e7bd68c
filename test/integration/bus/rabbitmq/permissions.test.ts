/** That a node's user can do what its agent needs, and nothing in the name of another. */

import { randomUUID } from 'node:crypto';
import { type Channel, connect } from 'amqplib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Command, Report } from '../../../../src/bus/messages.ts';
import { createAmqpAgentBus, createAmqpManagerBus } from '../../../../src/bus/rabbitmq/rabbitmq-bus.ts';
import {
  agentPermissions,
  deadExchange,
  deadQueue,
  exchange,
  instanceQueue,
  managerPermissions,
  nodeQueue,
  reportsQueue,
} from '../../../../src/bus/topology.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { heartbeat, running, stop } from '../../../support/bus/bus-messages.ts';
import { openRabbit, type Rabbit, whyNoRabbit } from '../../../support/servers/rabbit.ts';
import { until } from '../../../support/wait.ts';

const test = suite('rabbitmq permissions');
const whyNot = await whyNoRabbit();
if (whyNot !== null) console.log(`skipped: ${whyNot}`);

const proof = (
  sentence: string,
  body: (rabbit: Rabbit, users: { manager: string; agent: string }) => Promise<void>,
) => {
  if (whyNot !== null) return test.skip(sentence);
  return test(sentence, async () => {
    const rabbit = await openRabbit();
    const users = { manager: `manager-${randomUUID()}`, agent: `agent-${randomUUID()}` };
    try {
      await rabbit.addUser(users.manager, managerPermissions);
      await rabbit.addUser(users.agent, agentPermissions('worker-1'));
      await body(rabbit, users);
    } finally {
      await rabbit.remove();
    }
  });
};

proof('a manager and an agent do all their work with their own rights', async (rabbit, users) => {
  const options = { clusterId: randomUUID(), logger: silentLogger };
  const manager = createAmqpManagerBus({ ...options, url: rabbit.url(users.manager), managerId: 'm1' });
  const agent = createAmqpAgentBus({ ...options, url: rabbit.url(users.agent), node: 'worker-1' });
  try {
    const reports: Report[] = [];
    const commands: Command[] = [];
    let beats = 0;
    manager.consumeReports(async (report) => {
      reports.push(report);
      return reports.length === 1 ? { deadLetter: 'for the proof' } : 'ack';
    });
    manager.consumeHeartbeats(() => {
      beats += 1;
    });
    agent.consumeCommands(async (command) => {
      commands.push(command);
      return commands.length === 1 ? { deadLetter: 'for the proof' } : 'ack';
    });
    await agent.sendReport(running(options, 'worker-1', 1));
    await agent.sendReport(running(options, 'worker-1', 2));
    await manager.sendCommand(stop(options, 'worker-1', 1));
    await manager.sendCommand(stop(options, 'worker-1', 2));
    await until('reports and commands', () => reports.length === 2 && commands.length === 2);
    await until('a heartbeat', () => {
      agent.sendHeartbeat(heartbeat(options, 'worker-1', 1));
      return beats > 0;
    });
    await until('both dead letters', async () => (await manager.readDeadLetters(10)).length === 2);
  } finally {
    await agent.close();
    await manager.close();
  }
});

const publish =
  (routingKey: string, options: { exchange?: string; userId?: string } = {}) =>
  async (channel: Channel) => {
    const { exchange: to = exchange, ...properties } = options;
    channel.publish(to, routingKey, Buffer.from('{}'), properties);
    // A round trip: the broker has judged what was published before it.
    await channel.prefetch(1);
  };

const attempts: [string, number, (channel: Channel) => Promise<unknown>][] = [
  ['read the queue of another node', 403, (channel) => channel.consume(nodeQueue('worker-2'), () => {})],
  [
    'read what another node is refused',
    403,
    (channel) => channel.consume(instanceQueue('worker-2', randomUUID()), () => {}),
  ],
  ['read the reports', 403, (channel) => channel.consume(reportsQueue, () => {})],
  ['read dead letters', 403, (channel) => channel.get(deadQueue)],
  ['declare a queue', 403, (channel) => channel.assertQueue('co_node_worker-9')],
  ['delete its own queue', 403, (channel) => channel.deleteQueue(nodeQueue('worker-1'))],
  ['bind its own queue to more', 403, (channel) => channel.bindQueue(nodeQueue('worker-1'), exchange, '#')],
  ['command a node', 403, publish('node.worker-2')],
  ['report as another node', 403, publish('report.worker-2')],
  ['beat as another node', 403, publish('heartbeat.worker-2')],
  ['report under a longer name', 403, publish('report.worker-1.x')],
  ['fill the dead letters', 403, publish('report.worker-1', { exchange: deadExchange })],
  ['publish past the exchange', 403, publish(reportsQueue, { exchange: '' })],
  ['sign as another user', 406, publish('report.worker-1', { userId: 'guest' })],
];

proof('a node can do nothing in the name of another', async (rabbit, users) => {
  const options = { clusterId: randomUUID(), logger: silentLogger };
  const manager = createAmqpManagerBus({ ...options, url: rabbit.url(users.manager), managerId: 'm1' });
  const model = await connect(rabbit.url(users.agent));
  model.on('error', () => {});
  try {
    for (const node of ['worker-1', 'worker-2']) await manager.sendCommand(stop(options, node, 1));
    for (const [what, code, attempt] of attempts) {
      const channel = await model.createChannel();
      let refusal: unknown = null;
      channel.on('error', ({ code }: Error & { code?: number }) => {
        refusal = code;
      });
      await attempt(channel).catch(() => {});
      await until(`a refusal to ${what}`, () => refusal !== null, 5_000);
      assert.is(refusal, code, what);
    }
    assert.equal(await manager.readDeadLetters(10), []);
  } finally {
    await model.close();
    await manager.close();
  }
});

test.run();
