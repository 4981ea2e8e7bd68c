/** The bus contract on RabbitMQ. */

import { randomUUID } from 'node:crypto';
import type { BusEnd } from '../../src/bus/bus.ts';
import { createAmqpAgentBus, createAmqpManagerBus } from '../../src/bus/rabbitmq/rabbitmq-bus.ts';
import { silentLogger } from '../../src/logger.ts';
import { openRabbit, whyNoRabbit } from '../support/servers/rabbit.ts';
import { testBusContract } from './bus/bus-contract.ts';

testBusContract(
  'rabbitmq',
  async () => {
    const rabbit = await openRabbit();
    const options = { url: rabbit.url(), clusterId: randomUUID(), logger: silentLogger };
    const ends: BusEnd[] = [];
    const track = <E extends BusEnd>(end: E): E => {
      ends.push(end);
      return end;
    };
    return {
      clusterId: options.clusterId,
      manager: (managerId) => track(createAmqpManagerBus({ ...options, managerId })),
      agent: (node) => track(createAmqpAgentBus({ ...options, node })),
      async close() {
        await Promise.all(ends.map((end) => end.close()));
        await rabbit.remove();
      },
    };
  },
  await whyNoRabbit(),
);
