/** A private registry where managers and agents are processes of their own: two managers with one key file, and what the broker carries. */

import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { MongoClient } from 'mongodb';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commandsExchange } from '../../src/bus/topology.ts';
import { alarmNames } from '../../src/model/alarm.ts';
import type { StateBody } from '../../src/projections/rows/state-bodies.ts';
import { type Api, createApi } from '../support/cluster/api.ts';
import { type Program, startProgram } from '../support/cluster/cluster.ts';
import { mongodbUrl } from '../support/log/logs.ts';
import { dockerSocket, removeContainersOf } from '../support/servers/docker.ts';
import {
  pushImage,
  registryHost,
  registryUser,
  removeImage,
  whyNoRegistry,
} from '../support/servers/private-registry.ts';
import { openRabbit, type Rabbit, whyNoRabbit } from '../support/servers/rabbit.ts';
import { until } from '../support/wait.ts';

const test = suite('private registry, distributed');
const noMongo = mongodbUrl ? null : 'CO_TEST_MONGODB_URL is not set';
const whyNot = noMongo ?? (await whyNoRabbit()) ?? (await whyNoRegistry());
if (whyNot !== null) console.log(`skipped: ${whyNot}`);

const clusterId = randomUUID();
const database = `co-test-${clusterId.slice(0, 8)}`;
const image = `${registryHost}/private/distributed:v1`;
const programs: Program[] = [];
let folder: string;
let rabbit: Rabbit;

async function startManager(name: string): Promise<Api> {
  const url = new URL(mongodbUrl!);
  url.pathname = `/${database}`;
  const place = ['--data', join(folder, name), '--secrets-key', join(folder, `${name}.key`)];
  const options = ['--mongodb', url.href, '--amqp', rabbit.url(), '--port', '0', ...place];
  const program = startProgram(['manager', ...options, '--cluster-id', clusterId], { CO_LOG_LEVEL: 'debug' });
  programs.push(program);
  return createApi((await program.line('manager serves ')).replace(/,.*/, ''));
}

async function startAgent(node: string): Promise<void> {
  const options = ['--node', node, '--amqp', rabbit.url(), '--cluster-id', clusterId];
  const program = startProgram(['agent', ...options, '--engine', 'docker', '--docker', dockerSocket]);
  programs.push(program);
  await program.line(`${node} is ready`);
}

/** Everything that managers send to nodes. */
async function listen(): Promise<{ messages: string[]; close(): Promise<void> }> {
  const connection = await connect(rabbit.url());
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(queue, commandsExchange, '#');
  const messages: string[] = [];
  await channel.consume(queue, (message) => message && messages.push(message.content.toString()), { noAck: true });
  return { messages, close: () => connection.close() };
}

const alarmsOf = async (api: Api) => (await api.get<StateBody>('/state')).alarms.map(({ alarm }) => alarm);

if (whyNot === null) {
  test.before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'co-e2e-'));
    rabbit = await openRabbit();
  });
  test.after(async () => {
    await Promise.all(programs.map((program) => program.end()));
    await removeContainersOf(clusterId);
    await removeImage(image);
    const client = new MongoClient(mongodbUrl!);
    await client.db(database).dropDatabase();
    await client.close();
    await rabbit.remove();
    await rm(folder, { recursive: true, force: true });
  });
}

const body = async (): Promise<void> => {
  const digest = await pushImage(image, 'distributed');
  const one = await startManager('one');
  await Promise.all(['worker-1', 'worker-2'].map(startAgent));
  const broker = await listen();
  assert.is((await one.call('PUT', `/registry/${registryHost}`, registryUser)).status, 202);

  await writeFile(join(folder, 'two.key'), `${'0'.repeat(64)}\n`);
  const two = await startManager('two');
  const refused = await two.call('PUT', `/registry/${registryHost}`, { ...registryUser, password: 'another-one' });
  assert.equal([refused.status, refused.body.code], [503, 'secrets_key_differs']);
  await until('the alarm about the key', async () => (await alarmsOf(one)).includes(alarmNames.secretsKey));
  assert.equal((await two.get<{ registries: unknown[] }>('/registry')).registries.length, 1);

  await writeFile(join(folder, 'two.key'), await readFile(join(folder, 'one.key')));
  const repeated = await two.call('PUT', `/registry/${registryHost}`, registryUser);
  assert.equal([repeated.status, repeated.body.changed], [202, false]);

  await two.ask({ serviceName: 'app', replicas: 4, image, container: { stopTimeoutSeconds: 1 } });
  await two.converged('app', 60_000);
  for (const { imageDigest } of await one.containers('app')) assert.is(imageDigest, digest);
  await broker.close();
  const starts = broker.messages.filter((message) => message.includes('"kind":"start"'));
  assert.is(starts.length, 4);
  for (const start of starts) assert.match(start, new RegExp(`"logins":\\[\\{"host":"${registryHost}"`));
  const everything = [...broker.messages, ...programs.map((program) => program.output())].join('\n');
  for (const form of [registryUser.password, Buffer.from(registryUser.password).toString('base64').slice(0, -3)]) {
    assert.not.ok(everything.includes(form), `${form} was sent or printed in clear`);
  }
};

const sentence =
  'a login set on one manager is used through the other, sealed on its way; another key file is an alarm';
if (whyNot === null) test(sentence, body);
else test.skip(sentence);

test.run();
