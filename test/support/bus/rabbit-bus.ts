/** Managers and agents on a virtual host of their own, directly or through a proxy that makes faults. */

import { randomUUID } from 'node:crypto';
import { type Channel, connect } from 'amqplib';
import type { suite } from 'uvu';
import type { AgentBus, BusEnd, ManagerBus } from '../../../src/bus/bus.ts';
import { createAmqpAgentBus, createAmqpManagerBus } from '../../../src/bus/rabbitmq/rabbitmq-bus.ts';
import { silentLogger } from '../../../src/logger.ts';
import { type FaultProxy, openFaultProxy } from '../servers/fault-proxy.ts';
import { openRabbit, type Rabbit, whyNoRabbit } from '../servers/rabbit.ts';

export type RabbitBus = {
  clusterId: string;
  rabbit: Rabbit;
  proxy: FaultProxy;
  manager(url?: string): ManagerBus;
  agent(node: string, url?: string): AgentBus;
  /** A channel of no manager or agent, to do what they never do. */
  raw<T>(task: (channel: Channel) => Promise<T>): Promise<T>;
};

type FaultTest = (sentence: string, body: (broker: RabbitBus) => Promise<void>) => void;

/** Each test gets a virtual host, and everything opened on it is closed after the test. Skips where there is no RabbitMQ. */
export async function faultTests(test: ReturnType<typeof suite>): Promise<FaultTest> {
  const whyNot = await whyNoRabbit();
  if (whyNot !== null) console.log(`skipped: ${whyNot}`);
  return (sentence, body) => {
    if (whyNot !== null) return test.skip(sentence);
    test(sentence, () => withRabbitBus(body));
  };
}

async function withRabbitBus(body: (broker: RabbitBus) => Promise<void>): Promise<void> {
  const rabbit = await openRabbit();
  const { hostname, port } = new URL(rabbit.url());
  const proxy = await openFaultProxy({ host: hostname, port: Number(port || 5672) });
  const ends: BusEnd[] = [];
  const track = <E extends BusEnd>(end: E): E => {
    ends.push(end);
    return end;
  };
  const options = { clusterId: randomUUID(), logger: silentLogger };
  try {
    await body({
      clusterId: options.clusterId,
      rabbit,
      proxy,
      manager: (url = rabbit.url()) => track(createAmqpManagerBus({ ...options, url, managerId: 'm1' })),
      agent: (node, url = rabbit.url()) => track(createAmqpAgentBus({ ...options, url, node })),
      raw: (task) => withRawChannel(rabbit, task),
    });
  } finally {
    await Promise.all(ends.map((end) => end.close()));
    await proxy.close();
    await rabbit.remove();
  }
}

async function withRawChannel<T>(rabbit: Rabbit, task: (channel: Channel) => Promise<T>): Promise<T> {
  const model = await connect(rabbit.url());
  model.on('error', () => {});
  try {
    const channel = await model.createChannel();
    channel.on('error', () => {});
    return await task(channel);
  } finally {
    await model.close().catch(() => {});
  }
}

/** null when it succeeds. */
export const errorOf = (attempt: Promise<void>): Promise<unknown> =>
  attempt.then(
    () => null,
    (error: unknown) => error,
  );
