/** What becomes of messages on RabbitMQ that a queue or a consumer does not take. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  brokerDeliveriesMax,
  commandsExchange,
  nodeQueue,
  nodesExchange,
  queueArguments,
  reportsQueue,
} from '../../../../src/bus/topology.ts';
import { hasCode } from '../../../../src/errors.ts';
import { stop } from '../../../support/bus/bus-messages.ts';
import { errorOf, faultTests } from '../../../support/bus/rabbit-bus.ts';
import { until } from '../../../support/wait.ts';

const test = suite('rabbitmq, refused messages');
const fault = await faultTests(test);

fault('a full queue refuses the next command', async (broker) => {
  const manager = broker.manager();
  await until('connected', () => manager.status().state === 'connected');
  await broker.raw(async (channel) => {
    const tiny = { ...queueArguments.node, 'x-max-length': 2 };
    await channel.assertQueue(nodeQueue('tiny'), { durable: true, arguments: tiny });
    await channel.bindQueue(nodeQueue('tiny'), commandsExchange, 'node.tiny');
  });
  const outcomes: unknown[] = [];
  for (let position = 1; position <= 10; position += 1) {
    outcomes.push(await errorOf(manager.sendCommand(stop(broker, 'tiny', position))));
  }
  assert.is(outcomes[0], null);
  const last = outcomes.at(-1);
  assert.ok(hasCode(last, 'bus_unavailable'), String(last));
  assert.match(String(last), /full/);
});

fault('bytes that are no message are dead-lettered as they are', async (broker) => {
  const manager = broker.manager();
  let handled = 0;
  manager.consumeReports(async () => {
    handled += 1;
    return 'ack';
  });
  await until('connected', () => manager.status().state === 'connected');
  await broker.raw(async (channel) => {
    for (const body of ['', 'no JSON', '[1]', 'null']) channel.publish(nodesExchange, 'report.a', Buffer.from(body));
    await channel.checkQueue(reportsQueue);
  });
  const deadLetter = await until('four dead letters', async () => {
    const all = await manager.readDeadLetters(10);
    return all.length === 4 ? all : null;
  });
  assert.equal(deadLetter.map(({ body, reason }) => [body, reason]).toSorted(), [
    ['', 'not JSON'],
    ['[1]', 'unknown kind'],
    ['no JSON', 'not JSON'],
    ['null', 'not an object'],
  ]);
  assert.is(handled, 0);
});

fault('a command that keeps crashing its consumer is dead-lettered by the broker', async (broker) => {
  const manager = broker.manager();
  await manager.sendCommand(stop(broker, 'a', 1));
  const deliveries = await broker.raw(async (channel) => {
    let count = 0;
    await channel.consume(nodeQueue('a'), (message) => {
      if (!message) return;
      count += 1;
      channel.nack(message, false, true);
    });
    return until('the broker gives up', async () => ((await manager.readDeadLetters(1)).length === 1 ? count : null));
  });
  assert.is(deliveries, brokerDeliveriesMax + 1);
  const [deadLetter] = await manager.readDeadLetters(1);
  assert.is(deadLetter?.reason, `delivery_limit in ${nodeQueue('a')}`);
});

fault(
  'a queue that was declared with other arguments refuses its commands, and other nodes get theirs',
  async (broker) => {
    await broker.raw(async (channel) => {
      await channel.assertQueue(nodeQueue('odd'), { durable: true });
    });
    const manager = broker.manager();
    const error = await errorOf(manager.sendCommand(stop(broker, 'odd', 1), { deadlineMs: 800 }));
    assert.ok(hasCode(error, 'bus_unavailable'), String(error));
    await manager.sendCommand(stop(broker, 'a', 1));
    assert.is(manager.status().state, 'connected');
  },
);

test.run();
