/** Asks RabbitMQ's management plugin to keep a user and its permissions in one virtual host. Repeating changes nothing. */

import type { Permissions } from '../../src/bus/topology.ts';
import { AppError } from '../../src/errors.ts';

export type Management = {
  /** For people and error messages: without user and password. */
  address: string;
  hasUser(user: string): Promise<boolean>;
  /** New, or with a new password. */
  setPassword(user: string, password: string): Promise<void>;
  /** Makes the virtual host when there is none. */
  grant(user: string, virtualHost: string, permissions: Permissions): Promise<void>;
};

const callDeadlineMs = 10_000;

/** @param adminUrl `http://user:password@host:15672` of a user with the tag `administrator` */
export function createManagement(adminUrl: URL): Management {
  const address = `${adminUrl.protocol}//${adminUrl.host}`;
  const [name, password] = [adminUrl.username, adminUrl.password].map(decodeURIComponent);
  const authorization = `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

  /** @returns whether it is there; only a GET may find that it is not */
  const call = async (method: 'GET' | 'PUT', path: readonly string[], body?: unknown): Promise<boolean> => {
    const url = `${address}/api/${path.map(encodeURIComponent).join('/')}`;
    const response = await fetch(url, {
      method,
      headers: { authorization, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(callDeadlineMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((error: Error) => {
      const words = error.cause instanceof Error ? error.cause.message : error.message;
      throw new AppError('broker_unavailable', `the management API at ${address} does not answer: ${words}`);
    });
    const text = await response.text();
    if (response.ok) return true;
    if (method === 'GET' && response.status === 404) return false;
    const hint = response.status === 401 ? 'user or password of --admin are wrong, or it is no administrator' : text;
    throw new AppError('broker_refused', `${method} ${path.join('/')} at ${address}: ${response.status}, ${hint}`);
  };

  return {
    address,
    hasUser: (user) => call('GET', ['users', user]),
    setPassword: async (user, newPassword) =>
      void (await call('PUT', ['users', user], { password: newPassword, tags: '' })),
    async grant(user, virtualHost, { configure, write, read, topic }) {
      if (!(await call('GET', ['vhosts', virtualHost]))) await call('PUT', ['vhosts', virtualHost], {});
      await call('PUT', ['permissions', virtualHost, user], { configure, write, read });
      await call('PUT', ['topic-permissions', virtualHost, user], topic);
    },
  };
}
