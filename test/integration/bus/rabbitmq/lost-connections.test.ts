/** What the bus does on RabbitMQ when its connection is cut, stalls, or cannot be opened. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasCode } from '../../../../src/errors.ts';
import { running, sequenceOf, stop } from '../../../support/bus/bus-messages.ts';
import { errorOf, faultTests } from '../../../support/bus/rabbit-bus.ts';
import { until } from '../../../support/wait.ts';

const test = suite('rabbitmq, lost connections');
const fault = await faultTests(test);

fault(
  'a report that was confirmed to its sender is never lost, however often its connection is cut',
  async (broker) => {
    const seen: number[] = [];
    broker.manager().consumeReports(async (report) => {
      seen.push(sequenceOf(report));
      return 'ack';
    });
    const agent = broker.agent('a', broker.proxy.through(broker.rabbit.url()));
    const total = 6_000;
    // The queue is there: what is sent earlier comes back, and what was sent after it may be ahead then.
    await agent.sendReport(running(broker, 'a', 1));
    const acknowledged = [1];
    let cuts = 0;
    let sequence = 1;
    const sender = async () => {
      while (sequence < total) {
        sequence += 1;
        const mine = sequence;
        await agent.sendReport(running(broker, 'a', mine), { deadlineMs: 60_000 });
        acknowledged.push(mine);
        if (acknowledged.length % 250 === 0) cuts += broker.proxy.cut();
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
  },
);

fault('reports that are being handled when the connection is cut are delivered again', async (broker) => {
  const manager = broker.manager(broker.proxy.through(broker.rabbit.url()));
  const agent = broker.agent('a');
  const total = 2_000;
  const handled = new Map<number, number>();
  let cuts = 0;
  let deliveries = 0;
  manager.consumeReports(async (report) => {
    deliveries += 1;
    // Many are handled at once: each has its own number.
    const number = deliveries;
    await new Promise(setImmediate);
    handled.set(sequenceOf(report), (handled.get(sequenceOf(report)) ?? 0) + 1);
    if (number % 300 === 0) cuts += broker.proxy.cut();
    return 'ack';
  });
  await Promise.all(Array.from({ length: total }, (_, index) => agent.sendReport(running(broker, 'a', index + 1))));
  await until('every report', () => handled.size === total, 30_000);
  assert.ok(cuts >= 3, `${cuts} cuts`);
  // Over a connection of its own: the one through the proxy may still be coming back from the last cut.
  const reader = broker.manager();
  await until('its connection', () => reader.status().state === 'connected');
  assert.equal(await reader.readDeadLetters(10), [], 'a cut is no failure of the message');
});

fault('commands stay one at a time when the connection is cut while one is handled', async (broker) => {
  const manager = broker.manager();
  const agent = broker.agent('a', broker.proxy.through(broker.rabbit.url()));
  let atOnce = 0;
  let atOnceMost = 0;
  const done: number[] = [];
  agent.consumeCommands(async (command) => {
    atOnce += 1;
    atOnceMost = Math.max(atOnceMost, atOnce);
    if (done.length === 2) broker.proxy.cut();
    await new Promise((resolve) => setTimeout(resolve, 150));
    atOnce -= 1;
    if (command.kind === 'stop') done.push(command.position);
    return 'ack';
  });
  for (const position of [1, 2, 3, 4, 5]) await manager.sendCommand(stop(broker, 'a', position));
  await until('the last command', () => done.includes(5));
  assert.is(atOnceMost, 1);
  assert.equal([...new Set(done)], [1, 2, 3, 4, 5]);
  assert.ok(done.length > 5, 'the command under the cut came twice');
});

fault(
  'on a network that carries nothing a sender waits for its deadline and no longer, and the bus recovers',
  async (broker) => {
    const agent = broker.agent('a', broker.proxy.through(broker.rabbit.url()));
    const seen: number[] = [];
    broker.manager().consumeReports(async (report) => {
      seen.push(sequenceOf(report));
      return 'ack';
    });
    await agent.sendReport(running(broker, 'a', 1));
    broker.proxy.stall();
    const startedMs = performance.now();
    const error = await errorOf(agent.sendReport(running(broker, 'a', 2), { deadlineMs: 400 }));
    const tookMs = performance.now() - startedMs;
    assert.ok(hasCode(error, 'bus_unavailable'), String(error));
    assert.is((error as { retryable?: boolean }).retryable, true);
    assert.ok(tookMs >= 390 && tookMs < 2_000, `${tookMs} ms`);
    const slow = agent.sendReport(running(broker, 'a', 3), { deadlineMs: 40_000 });
    await until('the loss in the status', () => agent.status().state === 'connecting', 20_000);
    assert.type(agent.status().trouble, 'string');
    broker.proxy.flow();
    await slow;
    await until('the third report', () => seen.includes(3));
    assert.is(agent.status().state, 'connected');
  },
);

fault(
  'without a broker the bus keeps trying, reports why, refuses at the deadline and closes at once',
  async (broker) => {
    const url = new URL(broker.proxy.through(broker.rabbit.url()));
    await broker.proxy.close();
    const agent = broker.agent('a', url.href);
    await until('a reason in the status', () => agent.status().trouble?.includes('ECONNREFUSED'));
    assert.is(agent.status().state, 'connecting');
    assert.not.match(JSON.stringify(agent.status()), /guest/);
    const error = await errorOf(agent.sendReport(running(broker, 'a', 1), { deadlineMs: 200 }));
    assert.ok(hasCode(error, 'bus_unavailable'), String(error));
    const startedMs = performance.now();
    await agent.close();
    assert.ok(performance.now() - startedMs < 1_500);
  },
);

fault('each connect is notified, and what was sent meanwhile arrives', async (broker) => {
  const agent = broker.agent('a', broker.proxy.through(broker.rabbit.url()));
  const manager = broker.manager();
  let connects = 0;
  agent.onConnected(() => {
    connects += 1;
  });
  await until('connected', () => connects === 1);
  for (let round = 1; round <= 3; round += 1) {
    const before = connects;
    broker.proxy.cut();
    await agent.sendReport(running(broker, 'a', round));
    await until('connected again', () => connects > before);
  }
  const seen: number[] = [];
  manager.consumeReports(async (report) => {
    seen.push(sequenceOf(report));
    return 'ack';
  });
  await until('all three', () => new Set(seen).size === 3);
});

test.run();
