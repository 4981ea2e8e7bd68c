/**
 * A virtual host on the RabbitMQ under test for each test that asks for one, and users with the rights under test.
 * Needs CO_TEST_AMQP_URL (a user that may do everything) and, to keep tests apart, CO_TEST_AMQP_MANAGEMENT_URL (the
 * management plugin's address with the same user; found by itself at the usual port).
 */

import { randomUUID } from 'node:crypto';
import type { Permissions } from '../../../src/bus/topology.ts';

export type Rabbit = {
  /** AMQP URL of a fresh virtual host, for the given user or the all-mighty one. */
  url(user?: string): string;
  /** The password is the name. */
  addUser(user: string, permissions: Permissions): Promise<void>;
  /** The broker closes every connection of the virtual host, as an operator would. */
  closeConnections(): Promise<void>;
  deleteQueue(queue: string): Promise<void>;
  remove(): Promise<void>;
};

const amqpUrl = process.env.CO_TEST_AMQP_URL;

/** Why tests on RabbitMQ cannot run here; null when they can. */
export async function whyNoRabbit(): Promise<string | null> {
  if (!amqpUrl) return 'CO_TEST_AMQP_URL is not set';
  try {
    await call('GET', '/overview');
    return null;
  } catch (error) {
    return `no management API for CO_TEST_AMQP_URL at ${managementUrl().host}: ${error instanceof Error ? error.message : error}`;
  }
}

/** For a proxy before it. */
export function rabbitAddress(): { host: string; port: number } {
  const { hostname: host, port } = new URL(amqpUrl!);
  return { host, port: Number(port || '5672') };
}

export async function openRabbit(): Promise<Rabbit> {
  const vhost = `co-test-${randomUUID()}`;
  const users: string[] = [];
  await call('PUT', `/vhosts/${vhost}`, {});
  const grant = async (user: string, { configure, write, read, topic }: Permissions) => {
    await call('PUT', `/permissions/${vhost}/${user}`, { configure, write, read });
    await call('PUT', `/topic-permissions/${vhost}/${user}`, topic);
  };
  const self = decodeURIComponent(new URL(amqpUrl!).username || 'guest');
  await call('PUT', `/permissions/${vhost}/${self}`, { configure: '.*', write: '.*', read: '.*' });
  return {
    url(user) {
      const url = new URL(amqpUrl!);
      url.pathname = `/${vhost}`;
      if (user !== undefined) {
        url.username = user;
        url.password = user;
      }
      return url.href;
    },
    async addUser(user, permissions) {
      users.push(user);
      await call('PUT', `/users/${user}`, { password: user, tags: '' });
      await grant(user, permissions);
    },
    async closeConnections() {
      const connections = (await call('GET', `/vhosts/${vhost}/connections`)) as { name: string }[];
      for (const { name } of connections) await call('DELETE', `/connections/${encodeURIComponent(name)}`);
    },
    deleteQueue: async (queue) => void (await call('DELETE', `/queues/${vhost}/${queue}`)),
    async remove() {
      for (const user of users) await call('DELETE', `/users/${user}`);
      await call('DELETE', `/vhosts/${vhost}`);
    },
  };
}

/** The plugin listens 10 000 above the AMQP port unless told otherwise. */
function managementUrl(): URL {
  const given = process.env.CO_TEST_AMQP_MANAGEMENT_URL;
  if (given) return new URL(given);
  const url = new URL(amqpUrl!.replace(/^amqps?:/, 'http:'));
  url.port = String(Number(url.port || 5672) + 10_000);
  url.pathname = '/';
  return url;
}

const callTimeoutMs = 10_000;

async function call(method: string, path: string, body?: unknown): Promise<unknown> {
  const url = managementUrl();
  const [user, password] = [url.username || 'guest', url.password || 'guest'].map(decodeURIComponent);
  const response = await fetch(`${url.protocol}//${url.host}/api${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
      'content-type': 'application/json',
    },
    signal: AbortSignal.timeout(callTimeoutMs),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok && response.status !== 404) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? null : JSON.parse(text);
}
