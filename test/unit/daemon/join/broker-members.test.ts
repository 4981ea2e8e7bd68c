/** What a join and a removal ask of the broker, and whose user is left alone. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Management } from '../../../../src/bus/rabbitmq/management.ts';
import { agentPermissions } from '../../../../src/bus/topology.ts';
import { createBrokerMembers } from '../../../../src/daemon/join/broker-members.ts';
import { hasCode } from '../../../../src/errors.ts';

const test = suite('broker members');
const cluster = { id: '5c9a1f0e-7d43-4b86-9f21-0e6d3a8b7c15', name: 'co' };
const tag = `co-node-${cluster.id}`;

function openBroker(users: Record<string, string[]> = {}) {
  const tags = new Map(Object.entries(users));
  const passwords = new Map<string, string>();
  const grants: unknown[] = [];
  const deletedQueues: string[] = [];
  const management: Management = {
    address: 'http://broker:15672',
    findUser: async (user) => (tags.has(user) ? { tags: tags.get(user)! } : null),
    async setPassword(user, password, given = []) {
      tags.set(user, [...given]);
      passwords.set(user, password);
    },
    grant: async (...grant) => void grants.push(grant),
    deleteUser: async (user) => void tags.delete(user),
    deleteQueue: async (queue, virtualHost) => void deletedQueues.push(`${virtualHost} ${queue}`),
  };
  const members = (amqpUrl = 'amqps://manager:secret@broker:5671/shop%2F1?heartbeat=7', ca: string | null = 'PEM') =>
    createBrokerMembers(management, { cluster, amqpUrl, readAmqpCa: async () => ca });
  return { members, tags, passwords, grants, deletedQueues };
}

test("a node gets a user of its own, a node's permissions, and the address without the manager's password", async () => {
  const { members, tags, passwords, grants } = openBroker();
  const membership = await members().admit('worker-6');
  const password = passwords.get('worker-6')!;
  assert.equal(membership, {
    ...{ clusterId: cluster.id, cluster: 'co', node: 'worker-6', amqpCa: 'PEM' },
    amqpUrl: `amqps://worker-6:${password}@broker:5671/shop%2F1?heartbeat=7`,
  });
  assert.ok(password.length >= 32);
  assert.equal(tags.get('worker-6'), [tag]);
  assert.equal(grants, [['worker-6', 'shop/1', agentPermissions('worker-6')]]);
});

test('joining again gives another password, in the default virtual host where the URL names none', async () => {
  const { members, passwords, grants } = openBroker({ 'worker-6': [tag] });
  await members('amqp://broker').admit('worker-6');
  const first = passwords.get('worker-6');
  await members('amqp://broker/').admit('worker-6');
  assert.is.not(passwords.get('worker-6'), first);
  assert.equal(
    grants.map((grant) => (grant as string[])[1]),
    ['/', '/'],
  );
});

test('an administrator, and a node of another cluster, keep their password and are not deleted', async () => {
  const others = { guest: ['administrator'], 'worker-6': ['co-node-of-another'], plain: [] };
  const { members, tags, passwords, deletedQueues } = openBroker(others);
  for (const user of Object.keys(others)) {
    for (const attempt of [members().admit, members().refuseTaken]) {
      const error = await attempt(user).catch((refusal: unknown) => refusal);
      assert.ok(hasCode(error, 'broker_user_taken'), user);
    }
    await members().remove(user);
  }
  assert.equal([...tags.keys()], Object.keys(others));
  assert.is(passwords.size, 0);
  assert.equal(deletedQueues[0], 'shop/1 co_node_guest');
});

test('a removal takes user and queue away, and may be repeated', async () => {
  const { members, tags, deletedQueues } = openBroker({ 'worker-6': [tag] });
  await members().remove('worker-6');
  await members().remove('worker-6');
  assert.is(tags.size, 0);
  const both = ['shop/1 co_node_worker-6', 'shop/1 co_node_worker-6_streams'];
  assert.equal(deletedQueues, [...both, ...both]);
});

test.run();
