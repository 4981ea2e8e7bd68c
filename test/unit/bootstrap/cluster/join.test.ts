/** What `./bootstrap/join` asks of RabbitMQ, that repeating it keeps the password, and the line it prints. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { agentPermissions, managerPermissions } from '../../../../src/bus/topology.ts';

const id = '5c9a1f0e-7d43-4b86-9f21-0e6d3a8b7c15';
const program = fileURLToPath(new URL('../../../../bootstrap/cluster/join.ts', import.meta.url));

/** As much of the management API as `join` uses: what was put is there. */
const kept = new Map<string, unknown>();
const broker = createServer(async (request, response) => {
  const path = decodeURIComponent(request.url ?? '').replace('/api/', '');
  const isAdmin = request.headers.authorization === `Basic ${Buffer.from('root:p@ss').toString('base64')}`;
  const body = await text(request);
  if (!isAdmin) return response.writeHead(401).end('{"error":"not_authorized"}');
  if (request.method === 'GET') return response.writeHead(kept.has(path) ? 200 : 404).end('{}');
  kept.set(path, JSON.parse(body));
  return response.writeHead(204).end();
});

const test = suite('bootstrap join');
test.before(() => listen(broker));
test.after(() => void broker.close());
test.before.each(() => kept.clear());

async function listen(server: Server): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

async function join(args: string[], { password = 'p%40ss' } = {}) {
  const admin = `http://root:${password}@127.0.0.1:${(broker.address() as AddressInfo).port}`;
  const child = spawn(process.execPath, [program, ...args], { env: { PATH: '', CO_AMQP_ADMIN_URL: admin } });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { stdout, stderr, code };
}

test('a node gets a user with exactly its permissions, and the line to start its agent', async () => {
  const { stdout, code } = await join(['--node', 'worker-6', '--cluster-id', id, '--amqp', 'amqps://broker:5671']);
  assert.is(code, 0);
  const { configure, write, read, topic } = agentPermissions('worker-6');
  const { password, tags } = kept.get('users/worker-6') as { password: string; tags: string };
  assert.is(tags, `co-node-${id}`);
  assert.ok(kept.has('vhosts/co'));
  assert.equal(kept.get('permissions/co/worker-6'), { configure, write, read });
  assert.equal(kept.get('topic-permissions/co/worker-6'), topic);
  const url = `amqps://worker-6:${password}@broker:5671/co`;
  assert.is(stdout, `CO_AMQP_URL=${url} CO_CLUSTER_ID=${id} node src/main.ts agent --node worker-6\n`);
});

test('a second time keeps the password and repairs the permissions', async () => {
  const args = ['--node', 'worker-6', '--cluster-id', id];
  await join(args);
  const { password } = kept.get('users/worker-6') as { password: string };
  kept.set('permissions/co/worker-6', { configure: '.*', write: '.*', read: '.*' });
  const { stdout, stderr, code } = await join(args);
  assert.is(code, 0);
  assert.is((kept.get('users/worker-6') as { password: string }).password, password);
  assert.is((kept.get('permissions/co/worker-6') as { configure: string }).configure, '^$');
  assert.match(stderr, /keeps its password/);
  assert.ok(stdout.includes('amqp://worker-6:PASSWORD@127.0.0.1:5672/co'), stdout);
  await join([...args, '--new-password']);
  assert.is.not((kept.get('users/worker-6') as { password: string }).password, password);
});

test('a manager gets the rights of one', async () => {
  const { stdout } = await join(['--manager', 'manager', '--vhost', 'shop']);
  const { configure, write, read } = managerPermissions;
  assert.equal(kept.get('permissions/shop/manager'), { configure, write, read });
  assert.match(stdout, /node src\/main.ts manager\n$/);
});

const refusals: [string[], RegExp][] = [
  [[], /--node or --manager/],
  [['--node', 'a', '--manager', 'b'], /--node or --manager/],
  [['--node', 'worker_6', '--cluster-id', id], /DNS label/],
  [['--node', 'worker-6'], /--cluster-id must be a uuid/],
  [['--node', 'worker-6', '--cluster-id', id, '--admin', 'root:hunter2@broker'], /--admin must be a URL/],
  [['--node', 'worker-6', '--cluster-id', id, '--amqp', 'http://root:hunter2@broker'], /--amqp must be a URL/],
];
for (const [args, words] of refusals) {
  test(`"${args.join(' ')}" is refused before anything is asked`, async () => {
    const { stderr, code } = await join(args);
    assert.is(code, 2);
    assert.match(stderr, words);
    assert.not.match(stderr, /hunter2/);
    assert.is(kept.size, 0);
  });
}

test('a refusal of the broker names the place and not the password', async () => {
  const { stderr, code } = await join(['--node', 'worker-6', '--cluster-id', id], { password: 'hunter2' });
  assert.is(code, 1);
  assert.match(stderr, /127\.0\.0\.1:\d+: 401/);
  assert.not.match(stderr, /hunter2/);
});

test.run();
