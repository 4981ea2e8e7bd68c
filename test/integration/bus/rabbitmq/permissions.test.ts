/** That a node's user can do what its agent needs, and nothing in the name of another. */

import { randomUUID } from 'node:crypto';
import { type Channel, connect } from 'amqplib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { deadLettersPerSender } from '../../../../src/bus/dead-letter-share.ts';
import type { Command, Report } from '../../../../src/bus/messages.ts';
import { createAmqpAgentBus, createAmqpManagerBus } from '../../../../src/bus/rabbitmq/rabbitmq-bus.ts';
import {
  agentPermissions,
  commandsExchange,
  deadExchange,
  deadQueue,
  instanceQueue,
  managerPermissions,
  nodeQueue,
  nodeStreamsQueue,
  nodesExchange,
  reportsQueue,
  streamsQueue,
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
    const requests: string[] = [];
    const answers: string[] = [];
    agent.consumeStreamRequests(({ kind }) => requests.push(kind));
    manager.consumeStreamAnswers({ node: 'worker-1', address: 'm1' }, ({ kind }) => answers.push(kind));
    const stream = { clusterId: options.clusterId, node: 'worker-1', streamId: randomUUID(), sequence: 1 };
    await manager.sendStreamRequest({ kind: 'close', ...stream });
    await agent.sendStreamAnswer({ kind: 'opened', ...stream, manager: 'm1' });
    await until('a request and an answer', () => requests.length === 1 && answers.length === 1);
    await until('both dead letters', async () => (await manager.readDeadLetters(10)).length === 2);
  } finally {
    await agent.close();
    await manager.close();
  }
});

const publish =
  (routingKey: string, options: { exchange?: string; userId?: string } = {}) =>
  async (channel: Channel) => {
    const { exchange: to = nodesExchange, ...properties } = options;
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
  ['read the streams of another node', 403, (channel) => channel.consume(nodeStreamsQueue('worker-2'), () => {})],
  ['read what a node answers a manager', 403, (channel) => channel.consume(streamsQueue('m1', 'worker-1'), () => {})],
  ['open a stream', 403, publish('node.worker-2.streams', { exchange: commandsExchange })],
  ['answer a stream as another node', 403, publish('stream.worker-2.m1')],
  ['answer a stream under its name only', 403, publish('stream.worker-1')],
  ['read the reports', 403, (channel) => channel.consume(reportsQueue, () => {})],
  ['read dead letters', 403, (channel) => channel.get(deadQueue)],
  ['declare a queue', 403, (channel) => channel.assertQueue('co_node_worker-9')],
  ['delete its own queue', 403, (channel) => channel.deleteQueue(nodeQueue('worker-1'))],
  ['bind its own queue to more', 403, (channel) => channel.bindQueue(nodeQueue('worker-1'), commandsExchange, '#')],
  ['command a node', 403, publish('node.worker-2', { exchange: commandsExchange })],
  ['command itself', 403, publish('node.worker-1', { exchange: commandsExchange })],
  ['command under a key of its own', 403, publish('report.worker-1', { exchange: commandsExchange })],
  ['send a command as a node', 403, publish('node.worker-2')],
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

async function countMessages(rabbit: Rabbit, queues: readonly string[]): Promise<number[]> {
  const model = await connect(rabbit.url());
  try {
    const channel = await model.createChannel();
    const found = [];
    for (const queue of queues) found.push((await channel.checkQueue(queue)).messageCount);
    return found;
  } finally {
    await model.close();
  }
}

/** RabbitMQ checks the first routing key, and routes by these as well. */
const otherKeys = [
  'node.worker-1',
  'node.worker-2',
  'report.worker-2',
  'heartbeat.worker-2',
  nodeQueue('worker-2'),
  '#',
];

proof('no header of a message leads to a queue of another node, or to the dead letters', async (rabbit, users) => {
  const options = { clusterId: randomUUID(), logger: silentLogger };
  const manager = createAmqpManagerBus({ ...options, url: rabbit.url(users.manager), managerId: 'm1' });
  const model = await connect(rabbit.url(users.agent));
  try {
    for (const node of ['worker-1', 'worker-2']) await manager.sendCommand(stop(options, node, 1));
    const channel = await model.createConfirmChannel();
    const body = Buffer.from(JSON.stringify(running(options, 'worker-2', 1)));
    for (const properties of [
      { CC: otherKeys },
      { BCC: otherKeys },
      { headers: { CC: otherKeys, BCC: otherKeys } },
      { replyTo: nodeQueue('worker-2') },
      { expiration: '1' },
    ]) {
      channel.publish(nodesExchange, 'report.worker-1', body, properties);
    }
    await channel.waitForConfirms();
    assert.equal(await countMessages(rabbit, [nodeQueue('worker-1'), nodeQueue('worker-2'), deadQueue]), [1, 1, 0]);
    const reports: Report[] = [];
    manager.consumeReports(async (report) => {
      reports.push(report);
      return 'ack';
    });
    const deadLetters = await until('all but the expired one are judged', async () => {
      const found = await manager.readDeadLetters(10);
      return found.length === 4 ? found : null;
    });
    for (const { reason } of deadLetters) assert.match(reason, /names node worker-2, but was sent as report.worker-1/);
    assert.equal(reports, []);
  } finally {
    await model.close();
    await manager.close();
  }
});

proof('a node that floods has its share of the dead letters, and no more', async (rabbit, users) => {
  const options = { clusterId: randomUUID(), logger: silentLogger };
  const manager = createAmqpManagerBus({ ...options, url: rabbit.url(users.manager), managerId: 'm1' });
  const other = `agent-${randomUUID()}`;
  await rabbit.addUser(other, agentPermissions('worker-2'));
  const agent = createAmqpAgentBus({ ...options, url: rabbit.url(other), node: 'worker-2' });
  const model = await connect(rabbit.url(users.agent));
  try {
    await manager.sendCommand(stop(options, 'worker-2', 1));
    const channel = await model.createConfirmChannel();
    for (let n = 0; n < 3 * deadLettersPerSender; n += 1) {
      channel.publish(nodesExchange, 'report.worker-1', Buffer.from('{}'));
    }
    await channel.waitForConfirms();
    manager.consumeReports(async () => ({ deadLetter: 'for the proof' }));
    await agent.sendReport(running(options, 'worker-2', 1));
    const deadLetters = await until('the other one is there', async () => {
      const found = await manager.readDeadLetters(3 * deadLettersPerSender);
      return found.some(({ routingKey }) => routingKey === 'report.worker-2') ? found : null;
    });
    assert.is(deadLetters.length, deadLettersPerSender + 1);
  } finally {
    await model.close();
    await agent.close();
    await manager.close();
  }
});

test.run();
