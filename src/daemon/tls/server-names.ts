/** The names and addresses clients may reach this machine by, for its certificate. */

import { hostname, networkInterfaces } from 'node:os';

const wildcards = ['0.0.0.0', '::'];

/** @param host the address it binds to @param added by the operator: what other machines call it */
export function serverNames(host: string, added: readonly string[]): string[] {
  const bound = wildcards.includes(host) ? addressesHere() : [host];
  return [...new Set([...added, hostname(), ...bound, 'localhost', '127.0.0.1', '::1'])];
}

/** Without those that are valid on one link only. */
const addressesHere = () =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .map(({ address }) => address)
    .filter((address) => !address.startsWith('fe80:'));
