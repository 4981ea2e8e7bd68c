/** What the publisher holds on to while there is no broker. */

import { randomUUID } from 'node:crypto';
import { createServer } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createAmqpAgentBus } from '../../../../src/bus/rabbitmq/rabbitmq-bus.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { failed } from '../../../support/bus/bus-messages.ts';
import { until } from '../../../support/wait.ts';

const test = suite('publisher without a broker');

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** A port on which nothing listens any more. */
async function unusedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('a message that was refused at its deadline is no longer held in memory', async () => {
  const clusterId = randomUUID();
  const url = `amqp://127.0.0.1:${await unusedPort()}`;
  const agent = createAmqpAgentBus({ url, clusterId, logger: silentLogger, node: 'a' });
  const report = failed(
    { clusterId },
    'a',
    Array.from({ length: 100 }, () => 'x'.repeat(2_000)),
  );
  const heldBytes = () => {
    collectGarbage();
    return process.memoryUsage().arrayBuffers;
  };
  try {
    const beforeBytes = heldBytes();
    for (let round = 0; round < 10; round += 1) {
      const attempts = Array.from({ length: 20 }, () => agent.sendReport(report, { deadlineMs: 1 }));
      const outcomes = await Promise.allSettled(attempts);
      assert.ok(outcomes.every(({ status }) => status === 'rejected'));
    }
    // The last round may still be held, and buffers are released some time after a collection.
    await until('the memory to be released', () => heldBytes() - beforeBytes < 40 * report.logTail.join().length);
  } finally {
    await agent.close();
  }
});

test.run();
