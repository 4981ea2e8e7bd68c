/** Asks RabbitMQ's management plugin to keep users, their permissions and queues in one virtual host. Repeating changes nothing. */

import { AppError, errorMessage } from '../../errors.ts';
import type { Fetch } from '../../tls/tls-fetch.ts';
import type { Permissions } from '../topology.ts';

export type Management = {
  /** For people and error messages: without user and password. */
  address: string;
  /** null: there is none. */
  findUser(user: string): Promise<{ tags: string[] } | null>;
  /** New, or with a new password. `tags` distinguish users; those of RabbitMQ itself give rights. */
  setPassword(user: string, password: string, tags?: readonly string[]): Promise<void>;
  /** Makes the virtual host when there is none. */
  grant(user: string, virtualHost: string, permissions: Permissions): Promise<void>;
  /** The broker ends its connections. One that is not there is deleted already. */
  deleteUser(user: string): Promise<void>;
  deleteQueue(queue: string, virtualHost: string): Promise<void>;
};

type Options = {
  fetch?: Fetch;
  /** What to look at when user or password are refused. */
  option?: string;
};

const callDeadlineMs = 10_000;

/**
 * Every call throws AppError `broker_unavailable` (retryable) · `broker_refused`.
 * @param adminUrl `http://user:password@host:15672` of a user with the tag `administrator`
 */
export function createManagement(
  adminUrl: URL,
  { fetch: fetchWith = fetch, option = '--admin' }: Options = {},
): Management {
  const address = `${adminUrl.protocol}//${adminUrl.host}`;
  const [name, password] = [adminUrl.username, adminUrl.password].map(decodeURIComponent);
  const authorization = `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

  /** @returns the body as JSON; null: it is not there, which only a GET or a DELETE may find */
  const call = async (method: 'GET' | 'PUT' | 'DELETE', path: readonly string[], body?: unknown): Promise<unknown> => {
    const url = `${address}/api/${path.map(encodeURIComponent).join('/')}`;
    const response = await fetchWith(url, {
      method,
      headers: { authorization, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(callDeadlineMs),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((error: Error) => {
      const words = errorMessage(error.cause ?? error);
      const message = `the management API at ${address} does not answer: ${words}`;
      throw new AppError('broker_unavailable', message, { retryable: true, cause: error });
    });
    const text = await response.text();
    if (response.ok) return text === '' ? {} : JSON.parse(text);
    if (method !== 'PUT' && response.status === 404) return null;
    const hint = response.status === 401 ? `user or password of ${option} are wrong, or it is no administrator` : text;
    throw new AppError('broker_refused', `${method} ${path.join('/')} at ${address}: ${response.status}, ${hint}`);
  };

  return {
    address,
    async findUser(user) {
      const found = (await call('GET', ['users', user])) as { tags?: string | string[] } | null;
      return found && { tags: [found.tags ?? []].flat().flatMap((tags) => tags.split(',')) };
    },
    setPassword: async (user, newPassword, tags = []) =>
      void (await call('PUT', ['users', user], { password: newPassword, tags: tags.join(',') })),
    async grant(user, virtualHost, { configure, write, read, topic }) {
      if (!(await call('GET', ['vhosts', virtualHost]))) await call('PUT', ['vhosts', virtualHost], {});
      await call('PUT', ['permissions', virtualHost, user], { configure, write, read });
      await call('PUT', ['topic-permissions', virtualHost, user], topic);
    },
    deleteUser: async (user) => void (await call('DELETE', ['users', user])),
    deleteQueue: async (queue, virtualHost) => void (await call('DELETE', ['queues', virtualHost, queue])),
  };
}
