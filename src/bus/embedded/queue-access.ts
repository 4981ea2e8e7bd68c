/** How messages come into the queues of the embedded bus, and who takes them out. */

import { AppError } from '../../errors.ts';
import type { Disposition } from '../bus.ts';
import { deliver } from '../delivery.ts';
import type { MemoryQueue, RawMessage } from '../memory-queue.ts';
import type { Parsed } from '../message-codec.ts';

export type Subscription<T> = {
  parse(raw: RawMessage): Parsed<T>;
  handler(message: T): Promise<Disposition>;
  prefetch: number;
};

/** @param onRefused a message that does not match its schema, or that its handler refuses @returns closes the consumer */
export const attachTo =
  (onRefused: (raw: RawMessage, reason: string) => void) =>
  <T>(queue: MemoryQueue, { parse, handler, prefetch }: Subscription<T>): (() => Promise<void>) =>
    queue.attach({
      prefetch,
      deadLetter: onRefused,
      async settle(raw, closing) {
        const parsed = parse(raw);
        return 'deadLetter' in parsed ? parsed : deliver(parsed.message, handler, closing);
      },
    });

/** @throws AppError `bus_unavailable` */
export function push(queue: MemoryQueue, raw: RawMessage): void {
  if (!queue.push(raw)) throw unavailable('the queue is full: its reader is far behind', raw);
}

export const unavailable = (message: string, { routingKey }: RawMessage) =>
  new AppError('bus_unavailable', message, { retryable: true, details: { routingKey } });
