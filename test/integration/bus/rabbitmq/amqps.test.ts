/** RabbitMQ over TLS: the broker's authority, a certificate to show, and files that change between connections. */

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeAuthority } from '../../../../bootstrap/services/test-authority.ts';
import { createAmqpAgentBus, createAmqpManagerBus } from '../../../../src/bus/rabbitmq/rabbitmq-bus.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { type ClientTlsFiles, readClientTls } from '../../../../src/tls/client-tls.ts';
import { running } from '../../../support/bus/bus-messages.ts';
import { openRabbit, type Rabbit, whyNoRabbit } from '../../../support/servers/rabbit.ts';
import { until } from '../../../support/wait.ts';

const test = suite('amqps');
const { CO_TEST_AMQPS_URL: amqpsUrl, CO_TEST_AMQPS_DIR: dir = '' } = process.env;
const whyNot = (await whyNoRabbit()) ?? (amqpsUrl ? null : 'CO_TEST_AMQPS_URL is not set');
if (whyNot !== null) console.log(`skipped: ${whyNot}`);

const options = { ca: '--amqp-ca', cert: '--amqp-cert', key: '--amqp-key' };
const given: ClientTlsFiles = {
  ca: join(dir, 'ca.pem'),
  cert: join(dir, 'client.pem'),
  key: join(dir, 'client-key.pem'),
};

const proof = (sentence: string, body: (rabbit: Rabbit, url: string) => Promise<void>) => {
  if (whyNot !== null) return test.skip(sentence);
  return test(sentence, async () => {
    const rabbit = await openRabbit();
    const url = new URL(amqpsUrl!);
    url.pathname = new URL(rabbit.url()).pathname;
    try {
      await body(rabbit, url.href);
    } finally {
      await rabbit.remove();
    }
  });
};

const clusterId = randomUUID();

proof('a manager and an agent meet over TLS', async (_rabbit, url) => {
  const readTls = () => readClientTls(given, options, Date.now());
  const common = { url, readTls, clusterId, logger: silentLogger };
  const manager = createAmqpManagerBus({ ...common, managerId: 'm1' });
  const agent = createAmqpAgentBus({ ...common, node: 'worker-1' });
  try {
    const reports: string[] = [];
    manager.consumeReports(async ({ node }) => {
      reports.push(node);
      return 'ack';
    });
    await until('both are connected', () => [manager, agent].every((end) => end.status().state === 'connected'));
    await agent.sendReport(running({ clusterId }, 'worker-1', 1));
    await until('the report is there', () => reports.length > 0);
    assert.equal(reports, ['worker-1']);
  } finally {
    await Promise.all([manager.close(), agent.close()]);
  }
});

proof(
  'a broker that asks for a certificate, or is not trusted, is not connected to, until files fit',
  async (_rabbit, url) => {
    const other = await makeAuthority();
    let files: ClientTlsFiles = { ...given, ca: other.ca };
    const readTls = () => readClientTls(files, options, Date.now());
    const agent = createAmqpAgentBus({ url, readTls, clusterId, logger: silentLogger, node: 'worker-1' });
    const trouble = (pattern: RegExp) =>
      until(`trouble ${pattern}`, () => pattern.test(agent.status().trouble ?? ''), 20_000);
    try {
      await trouble(/certificate/i);
      files = { ca: given.ca, cert: null, key: null };
      await trouble(/certificate.required|ECONNRESET|closed|Socket/i);
      files = { ...given, ca: '/nowhere/ca.pem' };
      await trouble(/--amqp-ca: \/nowhere\/ca\.pem cannot be read/);
      files = given;
      await until('it is connected', () => agent.status().state === 'connected', 20_000);
    } finally {
      await agent.close();
      await other.remove();
    }
  },
);

test.run();
