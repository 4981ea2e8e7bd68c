/**
 * An attack to be measured: one node's broker user publishes 80,000 messages with CC and BCC headers that name the queues of others.
 * `CO_TEST_AMQP_URL=amqp://… node bench/attacks/broker-flood.ts`: a user who may do everything on a RabbitMQ of your own, with its management plugin 10,000 ports above.
 */

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from 'amqplib';
import { createAmqpAgentBus, createAmqpManagerBus } from '../../src/bus/rabbitmq/rabbitmq-bus.ts';
import * as topology from '../../src/bus/topology.ts';
import type { Logger } from '../../src/logger.ts';
import { running, stop } from '../../test/support/bus/bus-messages.ts';
import { openRabbit } from '../../test/support/servers/rabbit.ts';

const floodMessages = 80_000;
const othersMessages = 20;
const { agentPermissions, managerPermissions, nodeQueue } = topology;
/** One exchange for both, before there was one for nodes. */
const exchange = 'nodesExchange' in topology ? topology.nodesExchange : 'co_topic';

let lines = 0;
const count = () => {
  lines += 1;
};
const logger = { debug() {}, info() {}, warn: count, error: count, child: () => logger } as unknown as Logger;

const rabbit = await openRabbit();
await rabbit.addUser('manager', managerPermissions);
for (const node of ['attacker', 'victim']) await rabbit.addUser(node, agentPermissions(node));
const options = { clusterId: randomUUID(), logger };
const manager = createAmqpManagerBus({ ...options, url: rabbit.url('manager'), managerId: 'm1' });
const victim = createAmqpAgentBus({ ...options, url: rabbit.url('victim'), node: 'victim' });
const model = await connect(rabbit.url('attacker'));
try {
  const delays = { command: [] as number[], report: [] as number[] };
  const sentAt = new Map<string, number>();
  manager.consumeReports(async (report) => {
    const at = 'container' in report ? sentAt.get(report.reportId) : undefined;
    if (at === undefined) return { deadLetter: 'for the attack' };
    delays.report.push(performance.now() - at);
    return 'ack';
  });
  victim.consumeCommands(async (command) => {
    const at = command.kind === 'stop' ? sentAt.get(`command ${command.position}`) : undefined;
    if (at !== undefined) delays.command.push(performance.now() - at);
    return 'ack';
  });
  await manager.sendCommand(stop(options, 'victim', 999_999));
  await pause(1_000);

  const channel = await model.createConfirmChannel();
  const keys = ['node.victim', 'report.victim', 'heartbeat.victim'];
  const flood = async () => {
    for (let n = 0; n < floodMessages; n += 1) {
      const properties = n % 2 === 0 ? { CC: keys } : { BCC: keys };
      if (!channel.publish(exchange, 'report.attacker', Buffer.from('{}'), properties, () => {})) {
        await new Promise((resolve) => channel.once('drain', resolve));
      }
    }
    // Those that a full queue refused are part of the attack.
    await channel.waitForConfirms().catch(() => {});
  };
  const flooding = flood();
  const others = (async () => {
    for (let n = 1; n <= othersMessages; n += 1) {
      sentAt.set(`command ${n}`, performance.now());
      manager.sendCommand(stop(options, 'victim', n), { deadlineMs: 60_000 }).catch(() => {});
      const report = running(options, 'victim', n);
      sentAt.set(report.reportId, performance.now());
      victim.sendReport(report, { deadlineMs: 60_000 }).catch(() => {});
      await pause(250);
    }
  })();
  await Promise.all([flooding, others]);
  for (
    let n = 0;
    n < 240 && (delays.command.length < othersMessages || delays.report.length < othersMessages);
    n += 1
  ) {
    await pause(250);
  }
  const dead = await manager.readDeadLetters(20_000);
  const worst = (values: number[]) =>
    `${(Math.max(0, ...values) / 1_000).toFixed(1)} s (${values.length} of ${othersMessages} arrived)`;
  console.log(`longest delay of a command for the other node: ${worst(delays.command)}`);
  console.log(`longest delay of a report of the other node: ${worst(delays.report)}`);
  console.log(
    `dead letters: ${dead.length}; log lines: ${lines}; ${nodeQueue('victim')} was ${'nodesExchange' in topology ? 'not ' : ''}reached`,
  );
} finally {
  await model.close().catch(() => {});
  await victim.close();
  await manager.close();
  await rabbit.remove();
}
