/** That RabbitMQ is told what the topology says, that the committed file says the same, and no password is in it. */

import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeComposeSecrets } from '../../../../bootstrap/cluster/compose-secrets.ts';
import {
  composeNodes,
  hashPassword,
  managerUser,
  renderDefinitions,
} from '../../../../bootstrap/rabbitmq/definitions.ts';
import { agentPermissions, managerPermissions } from '../../../../src/bus/topology.ts';

const test = suite('rabbitmq definitions');

type Definitions = {
  users: { name: string; password_hash: string; tags: string[] }[];
  permissions: { user: string; vhost: string; configure: string; write: string; read: string }[];
  topic_permissions: { user: string; vhost: string; exchange: string; write: string; read: string }[];
};

test('the committed file is what the generator writes', async () => {
  const committed = await readFile(new URL('../../../../bootstrap/rabbitmq/definitions.json', import.meta.url), 'utf8');
  assert.fixture(committed, renderDefinitions(composeNodes));
});

test('each user has the permissions of the topology, and nobody is an administrator', () => {
  const { users, permissions, topic_permissions }: Definitions = JSON.parse(renderDefinitions(['a', 'rack1-7']));
  assert.equal(
    users.map(({ name, tags }) => ({ name, tags })),
    [managerUser, 'a', 'rack1-7'].map((name) => ({ name, tags: [] })),
  );
  for (const [user, { topic, ...names }] of [
    [managerUser, managerPermissions],
    ['a', agentPermissions('a')],
    ['rack1-7', agentPermissions('rack1-7')],
  ] as const) {
    assert.equal(
      permissions.filter((row) => row.user === user),
      [{ user, vhost: 'co', ...names }],
    );
    assert.equal(
      topic_permissions.filter((row) => row.user === user),
      [{ user, vhost: 'co', ...topic }],
    );
  }
});

test("a password is hashed as RabbitMQ's documentation shows it", () => {
  const salt = Buffer.from('908dc60a', 'hex');
  assert.is(hashPassword('test12', salt), 'kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR');
});

test('compose-secrets makes a password for each user, once, each in its own file and as a hash for the broker', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'co-compose-'));
  try {
    const out = join(dir, '.compose');
    const made = await makeComposeSecrets(out);
    const urlFiles = [managerUser, ...composeNodes].map((user) => `${user}-amqp-url`);
    assert.equal(made.toSorted(), ['tokens', 'secrets-key', 'rabbitmq-definitions.json', ...urlFiles].toSorted());
    assert.is((await stat(out)).mode & 0o777, 0o700);

    const definitions = await readFile(join(out, 'rabbitmq-definitions.json'), 'utf8');
    const { users }: Definitions = JSON.parse(definitions);
    const passwords = new Set<string>();
    for (const { name, password_hash } of users) {
      const content = await readFile(join(out, `${name}-amqp-url`), 'utf8');
      const { username, password, pathname } = new URL(content.trim());
      assert.equal([username, pathname], [name, '/co']);
      const salt = Buffer.from(password_hash, 'base64').subarray(0, 4);
      assert.is(password_hash, hashPassword(password, salt));
      assert.not.ok(definitions.includes(password));
      passwords.add(password);
    }
    assert.is(passwords.size, users.length);
    assert.equal(await makeComposeSecrets(out), []);
    assert.is(await readFile(join(out, 'rabbitmq-definitions.json'), 'utf8'), definitions);
  } finally {
    await rm(dir, { recursive: true });
  }
});

test.run();
