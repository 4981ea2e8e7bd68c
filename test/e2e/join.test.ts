/** A machine becomes a node in one line, over HTTPS, and is put out again: a manager, RabbitMQ's management API, Docker. */

import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { MongoClient } from 'mongodb';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createManagement } from '../../src/bus/rabbitmq/management.ts';
import { managerPermissions } from '../../src/bus/topology.ts';
import type { Membership } from '../../src/model/membership.ts';
import { readClientTls } from '../../src/tls/client-tls.ts';
import { createTlsFetch, type TlsFetch } from '../../src/tls/tls-fetch.ts';
import { coctl } from '../support/cluster/cli.ts';
import { type Program, startProgram } from '../support/cluster/cluster.ts';
import { mongodbUrl } from '../support/log/logs.ts';
import { dockerSocket, removeContainersOf, whyNoDocker } from '../support/servers/docker.ts';
import { testImage as image } from '../support/servers/images.ts';
import { openRabbit, type Rabbit, whyNoRabbit } from '../support/servers/rabbit.ts';
import { until } from '../support/wait.ts';

const test = suite('join');
const managementUrl = process.env.CO_TEST_AMQP_MANAGEMENT_URL ?? '';
const noServers = mongodbUrl && managementUrl ? null : 'CO_TEST_MONGODB_URL or CO_TEST_AMQP_MANAGEMENT_URL is not set';
const whyNot = noServers ?? (await whyNoRabbit()) ?? (await whyNoDocker());
if (whyNot !== null) console.log(`skipped: ${whyNot}`);
const promise = (sentence: string, body: () => Promise<void>) =>
  whyNot === null ? test(sentence, body) : test.skip(sentence);

const clusterId = randomUUID();
const database = `co-test-${clusterId.slice(0, 8)}`;
/** Users of the broker are of all its virtual hosts. */
const node = `${database}-w`;
let dir: string;
let rabbit: Rabbit;
let manager: Program;
let url: string;
let fingerprint: string;
let api: TlsFetch;
const agents: Program[] = [];

/** RabbitMQ over TLS, which asks for certificates, where the test servers have it. */
const { CO_TEST_AMQPS_URL: amqpsUrl, CO_TEST_AMQPS_DIR: certificates = '' } = process.env;
const brokerTls = {
  ca: join(certificates, 'ca.pem'),
  cert: join(certificates, 'client.pem'),
  key: join(certificates, 'client-key.pem'),
};

function brokerUrl(user: string): string {
  const url = new URL(rabbit.url(user));
  return amqpsUrl ? url.href.replace(/^amqp:/, 'amqps:').replace(url.host, new URL(amqpsUrl).host) : url.href;
}

async function connectAs({ amqpUrl }: Membership) {
  const names = { ca: 'ca', cert: 'cert', key: 'key' };
  return connect(amqpUrl, amqpsUrl ? await readClientTls(brokerTls, names, Date.now()) : {});
}

const dataOf = (name: string) => join(dir, name);
const environmentOf = (ca = fingerprint) => ({ CO_URL: url, CO_CA: ca });

/** A join token, and the line that `coctl` prints for the worker, as arguments. */
async function createToken(): Promise<{ token: string; id: string; line: string[] }> {
  const { code, out, err } = await coctl(['token', 'create', '--join'], { environment: environmentOf() });
  assert.is(code, 0, err);
  const [, line = ''] = /^on the worker: node src\/main\.ts (.*)$/m.exec(err) ?? [];
  return { token: out.trim(), id: /token ([0-9a-f]{12}) /.exec(err)![1]!, line: line.split(' ') };
}

function startAgent(args: readonly string[], data: string): Program {
  const engine = ['--engine', 'docker', '--docker', dockerSocket];
  // The authority of the broker comes with the membership.
  const shown = amqpsUrl ? ['--amqp-cert', brokerTls.cert, '--amqp-key', brokerTls.key] : [];
  const agent = startProgram([...args, ...engine, ...shown, '--data', dataOf(data)]);
  agents.push(agent);
  return agent;
}

/** What it said when it ended by itself, with which code. */
async function refused(args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const agent = startAgent(args, `refused-${agents.length}`);
  await until('it ends', () => agent.child.exitCode !== null, 20_000);
  return { code: agent.child.exitCode, output: agent.output() };
}

const call = async (method: string, path: string, body?: unknown) => {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  const answer = await api.fetch(`${url}${path}`, {
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
  });
  return { status: answer.status, body: JSON.parse(await answer.text()) };
};

const management = () => createManagement(new URL(managementUrl));
const rowOf = async () => (await call('GET', `/node_state?node=${node}`)).body.nodes[0];

if (whyNot === null) {
  test.before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'co-join-'));
    rabbit = await openRabbit();
    await rabbit.addUser(`${database}-manager`, managerPermissions);
    const mongodb = new URL(mongodbUrl!);
    mongodb.pathname = `/${database}`;
    manager = startProgram(
      ['manager', '--mongodb', mongodb.href, '--port', '0', '--tls', 'auto', '--data', dataOf('manager')],
      {
        CO_AMQP_URL: brokerUrl(`${database}-manager`),
        ...(amqpsUrl ? { CO_AMQP_CA: brokerTls.ca, CO_AMQP_CERT: brokerTls.cert, CO_AMQP_KEY: brokerTls.key } : {}),
        CO_AMQP_MANAGEMENT_URL: managementUrl,
        CO_CLUSTER_ID: clusterId,
      },
    );
    url = (await manager.line('manager serves ')).replace(/,.*/, '');
    fingerprint = /sha256:[0-9a-f]{64}/.exec(manager.output())![0];
    api = await createTlsFetch({ ca: await readFile(join(dataOf('manager'), 'tls', 'ca.pem'), 'utf8') });
  });
  test.after(async () => {
    await Promise.all([manager, ...agents].map((program) => program.end()));
    await api.close();
    await removeContainersOf(clusterId);
    await management().deleteUser(node);
    const client = new MongoClient(mongodbUrl!);
    await client.db(database).dropDatabase();
    await client.close();
    await rabbit.remove();
    await rm(dir, { recursive: true, force: true });
  });
}

promise('one line makes a machine a node, and a service runs on it', async () => {
  assert.match(url, /^https:/);
  const { line } = await createToken();
  const agent = startAgent([...line, '--node', node], 'worker');
  await agent.line(`${node} is ready`);
  assert.is((await stat(join(dataOf('worker'), 'membership.json'))).mode & 0o777, 0o600);
  assert.not.ok(
    manager.output().includes('guest:guest') || agent.output().includes('amqp://'),
    'no password is printed',
  );
  const services = [{ serviceName: 'web', replicas: 2, container: { name: 'web', image } }];
  assert.is((await call('POST', '/service', { services })).status, 202);
  await until(
    'it runs there',
    async () => {
      const { containers } = (await call('GET', '/container_state?service=web')).body;
      return (
        containers.length === 2 &&
        containers.every((row: { state: string; node: string }) => row.state === 'running' && row.node === node)
      );
    },
    30_000,
  );
});

promise('its user may do what the node does, and nothing else', async () => {
  const membership = JSON.parse(await readFile(join(dataOf('worker'), 'membership.json'), 'utf8'));
  assert.equal([membership.node, membership.clusterId], [node, clusterId]);
  assert.is(membership.amqpUrl.startsWith('amqps://'), amqpsUrl !== undefined);
  assert.is(membership.amqpCa?.includes('BEGIN CERTIFICATE') ?? false, amqpsUrl !== undefined);
  assert.equal((await management().findUser(node))?.tags, [`co-node-${clusterId}`]);
  const connection = await connectAs(membership);
  try {
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    const refusal = await channel.get('co_reports').then(String, (error: Error) => error.message);
    assert.match(refusal, /ACCESS.REFUSED/);
  } finally {
    await connection.close();
  }
});

promise('a restart needs no token, and no manager', async () => {
  const [agent] = agents as [Program];
  assert.is(await agent.end(), 0);
  const again = startAgent(['agent'], 'worker');
  await again.line(`${node} is ready`);
  assert.not.match(again.output(), /joined cluster/);
});

promise('a used, a revoked and an unknown token are refused, and the refusal says what to do', async () => {
  const used = await createToken();
  const other = `${node}2`;
  const joined = await call('POST', '/join', {});
  assert.is(joined.status, 400);
  const answer = await api.fetch(`${url}/join`, {
    method: 'POST',
    headers: { authorization: `Bearer ${used.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ node: other }),
  });
  assert.is(answer.status, 201);
  const revoked = await createToken();
  await coctl(['token', 'revoke', revoked.id], { environment: environmentOf() });
  const unknown = [...used.line.slice(0, -1), `co_${'0'.repeat(12)}_${'x'.repeat(43)}`];
  for (const line of [used.line, revoked.line, unknown]) {
    const { code, output } = await refused([...line, '--node', `${node}3`]);
    assert.is(code, 1, output);
    assert.match(
      output,
      /the manager refuses: .*valid token.*; a token lets one node in, once: coctl token create --join \(join_refused\)/,
    );
  }
  await management().deleteUser(other);
});

promise('a node in use, a user that is no node, and another authority are refused', async () => {
  const { line, token } = await createToken();
  assert.match((await refused([...line, '--node', node])).output, /is ready, on another machine/);
  assert.match((await refused([...line, '--node', 'guest'])).output, /user guest is no node of this cluster/);
  const other = line.with(line.indexOf('--ca') + 1, `sha256:${'0'.repeat(64)}`);
  assert.match((await refused([...other, '--node', `${node}4`])).output, /does not have the certificate sha256:0{64}/);
  const untrusting = ['agent', '--join', url, '--token', token, '--node', `${node}4`];
  assert.match((await refused(untrusting)).output, /not trusted here: give its ca\.pem or its fingerprint as --ca/);
  const plain = ['agent', '--join', 'http://manager.internal:5000', '--token', token];
  const { code, output } = await refused(plain);
  assert.is(code, 2);
  assert.match(output, /--join must begin with https:\/\//);
  const mine = startAgent(['agent', '--node', 'someone-else'], 'worker');
  await until('it ends', () => mine.child.exitCode !== null);
  assert.match(mine.output(), new RegExp(`is of node ${node}, not someone-else`));
});

promise('DELETE takes the user away, and the connection of its agent ends', async () => {
  const membership = JSON.parse(await readFile(join(dataOf('worker'), 'membership.json'), 'utf8'));
  // A thief of the file, or an agent whose heartbeats do not arrive: connected, and not heard.
  const connection = await connectAs(membership);
  let ended = '';
  connection.on('error', (error) => {
    ended = error.message;
  });
  connection.on('close', () => {
    ended ||= 'closed';
  });
  assert.is((await call('DELETE', `/node/${node}`)).status, 409, 'it is in use');
  assert.ok(await management().findUser(node));
  await agents.find(({ child }) => child.exitCode === null)!.end();
  await until('it is lost', async () => (await rowOf())?.state === 'lost', 20_000);
  assert.is((await call('DELETE', `/node/${node}`)).status, 202);
  assert.is(await management().findUser(node), null);
  await until('the broker ends the connection', () => ended !== '');
  const refusal = await connectAs(membership).then(
    () => 'connected',
    (error: Error) => error.message,
  );
  assert.match(refusal, /ACCESS.REFUSED/);
});

test.run();
