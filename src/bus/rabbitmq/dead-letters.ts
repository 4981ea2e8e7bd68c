/** Reads `co_dead`, and names the reason why a message came there. */

import type { Channel, GetMessage } from 'amqplib';
import type { DeadLetter } from '../bus.ts';
import { deadQueue } from '../topology.ts';

/** The reason, where we have published the dead letter. Where the broker moved it, the reason is in `x-death`. */
const reasonHeader = 'x-co-reason';
/** Headers have to fit one frame, and users read the reason. */
const reasonLengthMax = 2_000;

export const reasonHeaders = (reason: string): Record<string, string> => ({
  [reasonHeader]: reason.slice(0, reasonLengthMax),
});

/** The oldest first. They stay in the queue. */
export async function readDeadLetters(channel: Channel, limit: number): Promise<DeadLetter[]> {
  const read: DeadLetter[] = [];
  while (read.length < limit) {
    const message = await channel.get(deadQueue);
    if (!message) break;
    read.push({
      routingKey: message.fields.routingKey,
      reason: reasonOf(message),
      body: message.content.toString(),
    });
  }
  if (read.length > 0) channel.nackAll(true);
  return read;
}

function reasonOf({ properties: { headers } }: GetMessage): string {
  const ours: unknown = headers?.[reasonHeader];
  if (typeof ours === 'string') return ours;
  const [death] = headers?.['x-death'] ?? [];
  return death ? `${death.reason} in ${death.queue}` : 'unknown';
}
