/** What the bus does on RabbitMQ when queues, exchanges and channels are deleted or closed by the broker. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commandsExchange, nodeQueue, reportsQueue } from '../../../../src/bus/topology.ts';
import { hasCode } from '../../../../src/errors.ts';
import { running, sequenceOf, stop } from '../../../support/bus/bus-messages.ts';
import { errorOf, faultTests } from '../../../support/bus/rabbit-bus.ts';
import { until } from '../../../support/wait.ts';

const test = suite('rabbitmq, lost queues and channels');
const fault = await faultTests(test);

fault('a channel that the broker closed is opened again, and its message arrives', async (broker) => {
  const manager = broker.manager();
  const received: string[] = [];
  await manager.sendCommand(stop(broker, 'a', 1));
  await broker.raw((channel) => channel.deleteExchange(commandsExchange));
  await manager.sendCommand(stop(broker, 'a', 2));
  broker.agent('a').consumeCommands(async (command) => {
    received.push(command.kind === 'stop' ? command.container : command.kind);
    return 'ack';
  });
  await until('both commands', () => received.length === 2);
  assert.equal(received, ['web.1-1', 'web.1-2']);
});

fault('an agent whose queue was deleted gets a new one and is notified, so that it registers again', async (broker) => {
  const manager = broker.manager();
  const agent = broker.agent('a');
  const received: number[] = [];
  agent.consumeCommands(async (command) => {
    if (command.kind === 'stop') received.push(command.position);
    return 'ack';
  });
  await manager.sendCommand(stop(broker, 'a', 1));
  await until('the first command', () => received.length === 1);
  let connects = 0;
  agent.onConnected(() => {
    connects += 1;
  });
  assert.is(connects, 1);
  await broker.rabbit.deleteQueue(nodeQueue('a'));
  await manager.sendCommand(stop(broker, 'a', 2));
  await until('the second command', () => received.length === 2);
  // Sometimes twice: it may consume the queue once more while the broker is deleting it.
  await until('the agent is notified', () => connects >= 2);
  assert.equal(received, [1, 2]);
});

fault('a deleted queue of reports is declared again by the manager, and no report is lost', async (broker) => {
  const manager = broker.manager();
  const agent = broker.agent('a');
  const seen: number[] = [];
  manager.consumeReports(async (report) => {
    seen.push(sequenceOf(report));
    return 'ack';
  });
  await agent.sendReport(running(broker, 'a', 1));
  await until('the first', () => seen.length === 1);
  await broker.rabbit.deleteQueue(reportsQueue);
  await agent.sendReport(running(broker, 'a', 2));
  await until('the second', () => seen.length === 2);
});

fault('a report waits until the first manager has declared its queue', async (broker) => {
  const agent = broker.agent('a');
  const error = await errorOf(agent.sendReport(running(broker, 'a', 1), { deadlineMs: 600 }));
  assert.ok(hasCode(error, 'bus_unavailable'), String(error));
  const waiting = agent.sendReport(running(broker, 'a', 2), { deadlineMs: 10_000 });
  const seen: number[] = [];
  broker.manager().consumeReports(async (report) => {
    seen.push(sequenceOf(report));
    return 'ack';
  });
  await waiting;
  await until('the report', () => seen.includes(2));
});

test.run();
