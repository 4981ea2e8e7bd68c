/** What the bus does on RabbitMQ when connections are cut, stall, and queues or channels are taken from under it. */

import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AgentBus, BusEnd, ManagerBus } from '../../../../src/bus/bus.ts';
import { createAmqpAgentBus, createAmqpManagerBus } from '../../../../src/bus/rabbitmq/rabbitmq-bus.ts';
import {
  brokerDeliveriesMax,
  exchange,
  nodeQueue,
  queueArguments,
  reportsQueue,
} from '../../../../src/bus/topology.ts';
import { hasCode } from '../../../../src/errors.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { running, sequenceOf, stop } from '../../../support/bus/bus-messages.ts';
import { type FaultProxy, openFaultProxy } from '../../../support/servers/fault-proxy.ts';
import { openRabbit, type Rabbit, whyNoRabbit } from '../../../support/servers/rabbit.ts';
import { until } from '../../../support/wait.ts';

const test = suite('rabbitmq under faults');
const whyNot = await whyNoRabbit();
if (whyNot !== null) console.log(`skipped: ${whyNot}`);

type World = {
  clusterId: string;
  rabbit: Rabbit;
  proxy: FaultProxy;
  manager(url?: string): ManagerBus;
  agent(node: string, url?: string): AgentBus;
  /** A channel of nobody, to do what our parts never do. */
  raw<T>(
    task: (channel: Awaited<ReturnType<Awaited<ReturnType<typeof connect>>['createChannel']>>) => Promise<T>,
  ): Promise<T>;
};

const fault = (sentence: string, body: (world: World) => Promise<void>) => {
  if (whyNot !== null) return test.skip(sentence);
  return test(sentence, async () => {
    const rabbit = await openRabbit();
    const { hostname, port } = new URL(rabbit.url());
    const proxy = await openFaultProxy({ host: hostname, port: Number(port || 5672) });
    const clusterId = randomUUID();
    const ends: BusEnd[] = [];
    const track = <E extends BusEnd>(end: E): E => {
      ends.push(end);
      return end;
    };
    const options = { clusterId, logger: silentLogger };
    try {
      await body({
        clusterId,
        rabbit,
        proxy,
        manager: (url = rabbit.url()) => track(createAmqpManagerBus({ ...options, url, managerId: 'm1' })),
        agent: (node, url = rabbit.url()) => track(createAmqpAgentBus({ ...options, url, node })),
        async raw(task) {
          const model = await connect(rabbit.url());
          model.on('error', () => {});
          try {
            const channel = await model.createChannel();
            channel.on('error', () => {});
            return await task(channel);
          } finally {
            await model.close().catch(() => {});
          }
        },
      });
    } finally {
      await Promise.all(ends.map((end) => end.close()));
      await proxy.close();
      await rabbit.remove();
    }
  });
};

const codeOf = (attempt: Promise<void>) =>
  attempt.then(
    () => null,
    (error: unknown) => error,
  );

fault('a report acknowledged to its sender is never lost, however often its connection is cut', async (world) => {
  const seen: number[] = [];
  world.manager().consumeReports(async (report) => {
    seen.push(sequenceOf(report));
    return 'ack';
  });
  const agent = world.agent('a', world.proxy.through(world.rabbit.url()));
  const total = 6_000;
  // The queue is there: what is sent earlier comes back, and what was sent after it may be ahead then.
  await agent.sendReport(running(world, 'a', 1));
  const acknowledged = [1];
  let cuts = 0;
  let sequence = 1;
  const sender = async () => {
    while (sequence < total) {
      sequence += 1;
      const mine = sequence;
      await agent.sendReport(running(world, 'a', mine), { deadlineMs: 60_000 });
      acknowledged.push(mine);
      if (acknowledged.length % 250 === 0) cuts += world.proxy.cut();
    }
  };
  await Promise.all(Array.from({ length: 200 }, sender));
  await until('every acknowledged report', () => new Set(seen).size === total, 20_000);
  assert.ok(cuts >= 20, `${cuts} cuts`);
  assert.is(acknowledged.length, total);
  const firsts = [...new Set(seen)];
  assert.equal(
    firsts,
    firsts.toSorted((a, b) => a - b),
    'first deliveries keep the order of sending',
  );
});

fault('reports being handled when the connection is cut are delivered again', async (world) => {
  const manager = world.manager(world.proxy.through(world.rabbit.url()));
  const agent = world.agent('a');
  const total = 2_000;
  const handled = new Map<number, number>();
  let cuts = 0;
  let deliveries = 0;
  manager.consumeReports(async (report) => {
    deliveries += 1;
    // Many are handled at once: each of them has its own turn to look at.
    const turn = deliveries;
    await new Promise(setImmediate);
    handled.set(sequenceOf(report), (handled.get(sequenceOf(report)) ?? 0) + 1);
    if (turn % 300 === 0) cuts += world.proxy.cut();
    return 'ack';
  });
  await Promise.all(Array.from({ length: total }, (_, index) => agent.sendReport(running(world, 'a', index + 1))));
  await until('every report', () => handled.size === total, 30_000);
  assert.ok(cuts >= 3, `${cuts} cuts`);
  // Over a connection of its own: the one through the proxy may still be coming back from the last cut.
  const reader = world.manager();
  await until('its connection', () => reader.status().state === 'connected');
  assert.equal(await reader.readDeadLetters(10), [], 'a cut is no failure of the message');
});

fault('commands stay one at a time when the connection is cut under their handler', async (world) => {
  const manager = world.manager();
  const agent = world.agent('a', world.proxy.through(world.rabbit.url()));
  let atOnce = 0;
  let atOnceMost = 0;
  const done: number[] = [];
  agent.consumeCommands(async (command) => {
    atOnce += 1;
    atOnceMost = Math.max(atOnceMost, atOnce);
    if (done.length === 2) world.proxy.cut();
    await new Promise((resolve) => setTimeout(resolve, 150));
    atOnce -= 1;
    if (command.kind === 'stop') done.push(command.position);
    return 'ack';
  });
  for (const position of [1, 2, 3, 4, 5]) await manager.sendCommand(stop(world, 'a', position));
  await until('the last command', () => done.includes(5));
  assert.is(atOnceMost, 1);
  assert.equal([...new Set(done)], [1, 2, 3, 4, 5]);
  assert.ok(done.length > 5, 'the command under the cut came twice');
});

fault('a network that carries nothing costs the sender its deadline, no more, and heals', async (world) => {
  const agent = world.agent('a', world.proxy.through(world.rabbit.url()));
  const seen: number[] = [];
  world.manager().consumeReports(async (report) => {
    seen.push(sequenceOf(report));
    return 'ack';
  });
  await agent.sendReport(running(world, 'a', 1));
  world.proxy.stall();
  const startedMs = performance.now();
  const error = await codeOf(agent.sendReport(running(world, 'a', 2), { deadlineMs: 400 }));
  const tookMs = performance.now() - startedMs;
  assert.ok(hasCode(error, 'bus_unavailable'), String(error));
  assert.is((error as { retryable?: boolean }).retryable, true);
  assert.ok(tookMs >= 390 && tookMs < 2_000, `${tookMs} ms`);
  const slow = agent.sendReport(running(world, 'a', 3), { deadlineMs: 40_000 });
  await until('the silence is noticed', () => agent.status().state === 'connecting', 20_000);
  assert.type(agent.status().trouble, 'string');
  world.proxy.flow();
  await slow;
  await until('the third report', () => seen.includes(3));
  assert.is(agent.status().state, 'connected');
});

fault('without a broker an end keeps trying, says why, refuses in time and closes at once', async (world) => {
  const url = new URL(world.proxy.through(world.rabbit.url()));
  await world.proxy.close();
  const agent = world.agent('a', url.href);
  await until('trouble is told', () => agent.status().trouble?.includes('ECONNREFUSED'));
  assert.is(agent.status().state, 'connecting');
  assert.not.match(JSON.stringify(agent.status()), /guest/);
  const error = await codeOf(agent.sendReport(running(world, 'a', 1), { deadlineMs: 200 }));
  assert.ok(hasCode(error, 'bus_unavailable'), String(error));
  const startedMs = performance.now();
  await agent.close();
  assert.ok(performance.now() - startedMs < 1_500);
});

fault('each connect is told, and what was sent meanwhile arrives', async (world) => {
  const agent = world.agent('a', world.proxy.through(world.rabbit.url()));
  const manager = world.manager();
  let connects = 0;
  agent.onConnected(() => {
    connects += 1;
  });
  await until('connected', () => connects === 1);
  for (let round = 1; round <= 3; round += 1) {
    const before = connects;
    world.proxy.cut();
    await agent.sendReport(running(world, 'a', round));
    await until('connected again', () => connects > before);
  }
  const seen: number[] = [];
  manager.consumeReports(async (report) => {
    seen.push(sequenceOf(report));
    return 'ack';
  });
  await until('all three', () => new Set(seen).size === 3);
});

fault('a channel closed by the broker is built again, and its message arrives all the same', async (world) => {
  const manager = world.manager();
  const heard: string[] = [];
  await manager.sendCommand(stop(world, 'a', 1));
  await world.raw((channel) => channel.deleteExchange(exchange));
  await manager.sendCommand(stop(world, 'a', 2));
  world.agent('a').consumeCommands(async (command) => {
    heard.push(command.kind === 'stop' ? command.container : command.kind);
    return 'ack';
  });
  await until('both commands', () => heard.length === 2);
  assert.equal(heard, ['web.1-1', 'web.1-2']);
});

fault('an agent whose queue was deleted gets a new one and is told, so that it registers again', async (world) => {
  const manager = world.manager();
  const agent = world.agent('a');
  const heard: number[] = [];
  agent.consumeCommands(async (command) => {
    if (command.kind === 'stop') heard.push(command.position);
    return 'ack';
  });
  await manager.sendCommand(stop(world, 'a', 1));
  await until('the first command', () => heard.length === 1);
  let connects = 0;
  agent.onConnected(() => {
    connects += 1;
  });
  assert.is(connects, 1);
  await world.rabbit.deleteQueue(nodeQueue('a'));
  await manager.sendCommand(stop(world, 'a', 2));
  await until('the second command', () => heard.length === 2);
  await until('the agent is told', () => connects === 2);
  assert.equal(heard, [1, 2]);
});

fault('a deleted queue of reports is declared again by the manager, and no report is lost', async (world) => {
  const manager = world.manager();
  const agent = world.agent('a');
  const seen: number[] = [];
  manager.consumeReports(async (report) => {
    seen.push(sequenceOf(report));
    return 'ack';
  });
  await agent.sendReport(running(world, 'a', 1));
  await until('the first', () => seen.length === 1);
  await world.rabbit.deleteQueue(reportsQueue);
  await agent.sendReport(running(world, 'a', 2));
  await until('the second', () => seen.length === 2);
});

fault('a report waits for the first manager to declare its queue', async (world) => {
  const agent = world.agent('a');
  const error = await codeOf(agent.sendReport(running(world, 'a', 1), { deadlineMs: 600 }));
  assert.ok(hasCode(error, 'bus_unavailable'), String(error));
  const waiting = agent.sendReport(running(world, 'a', 2), { deadlineMs: 10_000 });
  const seen: number[] = [];
  world.manager().consumeReports(async (report) => {
    seen.push(sequenceOf(report));
    return 'ack';
  });
  await waiting;
  await until('the report', () => seen.includes(2));
});

fault('a full queue refuses the next command', async (world) => {
  const manager = world.manager();
  await until('connected', () => manager.status().state === 'connected');
  await world.raw(async (channel) => {
    const tiny = { ...queueArguments.node, 'x-max-length': 2 };
    await channel.assertQueue(nodeQueue('tiny'), { durable: true, arguments: tiny });
    await channel.bindQueue(nodeQueue('tiny'), exchange, 'node.tiny');
  });
  const outcomes: unknown[] = [];
  for (let position = 1; position <= 10; position += 1) {
    outcomes.push(await codeOf(manager.sendCommand(stop(world, 'tiny', position))));
  }
  assert.is(outcomes[0], null);
  const last = outcomes.at(-1);
  assert.ok(hasCode(last, 'bus_unavailable'), String(last));
  assert.match(String(last), /full/);
});

fault('bytes that are no message are dead-lettered as they are', async (world) => {
  const manager = world.manager();
  let handled = 0;
  manager.consumeReports(async () => {
    handled += 1;
    return 'ack';
  });
  await until('connected', () => manager.status().state === 'connected');
  await world.raw(async (channel) => {
    for (const body of ['', 'no JSON', '[1]', 'null']) channel.publish(exchange, 'report.a', Buffer.from(body));
    await channel.checkQueue(reportsQueue);
  });
  const deadLetter = await until('four dead letters', async () => {
    const all = await manager.readDeadLetters(10);
    return all.length === 4 ? all : null;
  });
  assert.equal(deadLetter.map(({ body, reason }) => [body, reason]).toSorted(), [
    ['', 'not JSON'],
    ['[1]', 'of an unknown kind'],
    ['no JSON', 'not JSON'],
    ['null', 'not an object'],
  ]);
  assert.is(handled, 0);
});

fault('a message that keeps crashing its reader is dead-lettered by the broker', async (world) => {
  const manager = world.manager();
  await world.agent('a').sendReport(running(world, 'a', 1));
  const deliveries = await world.raw(async (channel) => {
    let count = 0;
    await channel.consume(reportsQueue, (message) => {
      if (!message) return;
      count += 1;
      channel.nack(message, false, true);
    });
    return until('the broker gives up', async () => ((await manager.readDeadLetters(1)).length === 1 ? count : null));
  });
  assert.is(deliveries, brokerDeliveriesMax + 1);
  const [deadLetter] = await manager.readDeadLetters(1);
  assert.is(deadLetter?.reason, `delivery_limit in ${reportsQueue}`);
});

fault('a queue declared with other arguments shows as trouble and does not stop the rest', async (world) => {
  await world.raw(async (channel) => {
    await channel.assertQueue(nodeQueue('odd'), { durable: true });
  });
  const manager = world.manager();
  const error = await codeOf(manager.sendCommand(stop(world, 'odd', 1), { deadlineMs: 800 }));
  assert.ok(hasCode(error, 'bus_unavailable'), String(error));
  await manager.sendCommand(stop(world, 'a', 1));
  assert.is(manager.status().state, 'connected');
});

test.run();
