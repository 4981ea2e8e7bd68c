/** Holds the messages of a routing key that has no queue until there is one, so that none overtakes another of its key. */

import { setTimeout as pause } from 'node:timers/promises';
import type { OutboxEntry } from './outbox.ts';

export type Rerouting = {
  /** @returns false when the routing key has a queue as far as is known, and the entry is not held */
  hold(entry: OutboxEntry): boolean;
  /** The entry was returned: no queue took it. Finds a route for its key, unless that is going on already. */
  add(entry: OutboxEntry): void;
  /** Forgets the entries, and goes on looking for the routes. */
  clear(): void;
};

type ReroutingOptions = {
  /** Declares a queue for the routing key, or waits until another client has. */
  route(routingKey: string): Promise<void>;
  /** To be published again, in this order. */
  onRouted(entries: OutboxEntry[]): void;
};

/** Between attempts to reach a queue that is not declared yet. */
const retryMs = 250;

export function createRerouting({ route, onRouted }: ReroutingOptions): Rerouting {
  const held = new Map<string, OutboxEntry[]>();

  const findRoute = async (routingKey: string) => {
    await route(routingKey).catch(() => pause(retryMs, undefined, { ref: false }));
    const entries = held.get(routingKey) ?? [];
    held.delete(routingKey);
    onRouted(entries.sort((one, other) => one.sequence - other.sequence));
  };

  const hold = (entry: OutboxEntry): boolean => {
    const entries = held.get(entry.routingKey);
    entries?.push(entry);
    return entries !== undefined;
  };

  return {
    hold,
    add(entry) {
      if (hold(entry)) return;
      held.set(entry.routingKey, [entry]);
      void findRoute(entry.routingKey);
    },
    clear() {
      for (const entries of held.values()) entries.length = 0;
    },
  };
}
