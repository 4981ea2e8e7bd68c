/**
 * What RabbitMQ is given at its start: one virtual host, a user for the managers and one for each node, each with
 * the permissions of the topology and no more. Pure but for the end of the file. Run as a program it writes
 * definitions.json again: the same for five nodes without a single password, for reading.
 */

import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { agentPermissions, managerPermissions, type Permissions } from '../../src/bus/topology.ts';

export const virtualHost = 'co';
export const managerUser = 'manager';

/** The nodes of compose.yaml. */
export const composeNodes = ['worker-1', 'worker-2', 'worker-3', 'worker-4', 'worker-5'] as const;

/** User name to `hashPassword` of its password. A user without one exists and cannot log in. */
export type PasswordHashes = Readonly<Record<string, string>>;

/** In the form `load_definitions` and the management API take. The user of a node has the node's name. */
export function renderDefinitions(nodes: readonly string[], hashes: PasswordHashes = {}): string {
  const granted: [user: string, Permissions][] = [
    [managerUser, managerPermissions],
    ...nodes.map((node): [string, Permissions] => [node, agentPermissions(node)]),
  ];
  const definitions = {
    vhosts: [{ name: virtualHost }],
    users: granted.map(([name]) => ({
      name,
      password_hash: hashes[name] ?? '',
      hashing_algorithm: 'rabbit_password_hashing_sha256',
      tags: [],
    })),
    permissions: granted.map(([user, { configure, write, read }]) => ({
      ...{ user, vhost: virtualHost, configure, write, read },
    })),
    topic_permissions: granted.map(([user, { topic }]) => ({ user, vhost: virtualHost, ...topic })),
  };
  return `${JSON.stringify(definitions, null, 2)}\n`;
}

/**
 * RabbitMQ's own form: base64 of the salt followed by the SHA-256 of salt and password.
 * @param salt 4 random bytes
 */
export function hashPassword(password: string, salt: Buffer): string {
  const hash = createHash('sha256').update(salt).update(password, 'utf8').digest();
  return Buffer.concat([salt, hash]).toString('base64');
}

if (import.meta.main) {
  await writeFile(new URL('./definitions.json', import.meta.url), renderDefinitions(composeNodes));
}
