/** In which order the channels of a connection to RabbitMQ come up, and when the listeners of onConnected are called. */

import { setTimeout as pause } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createAmqpConnection } from '../../../../src/bus/rabbitmq/connection.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { faultTests } from '../../../support/bus/rabbit-bus.ts';
import { until } from '../../../support/wait.ts';

const test = suite('rabbitmq, channels');
const fault = await faultTests(test);

fault('after each connect, the listeners are called before any channel that is not essential', async (broker) => {
  const url = broker.proxy.through(broker.rabbit.url());
  const connection = createAmqpConnection({ url, name: 'test', heartbeatSeconds: 5, logger: silentLogger });
  const order: string[] = [];
  const open = (name: string, isEssential: boolean, setupMs: number) =>
    connection.openChannel({
      ...{ name, isEssential, kind: 'plain' },
      async setup() {
        await pause(setupMs);
        order.push(name);
      },
    });
  try {
    // An answer that is delivered while the publisher still opens its channel.
    open('commands', false, 0);
    open('publisher', true, 200);
    connection.onConnected(() => order.push('connected'));
    const expected: string[] = [];
    for (let connects = 1; connects <= 3; connects += 1) {
      expected.push('publisher', 'connected', 'commands');
      await until('all channels', () => order.length >= expected.length);
      assert.equal(order, expected);
      broker.proxy.cut();
    }
  } finally {
    await connection.close();
  }
});

test.run();
