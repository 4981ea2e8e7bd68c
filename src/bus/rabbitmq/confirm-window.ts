/** Publishes on the current channel and bounds how much of it the broker has not confirmed yet. */

import type { ConfirmChannel } from 'amqplib';
import type { OutboxEntry, OutgoingMessage } from './outbox.ts';

export type ConfirmWindow = {
  /** The channel to publish on from now on. Confirms of an earlier one are ignored. */
  use(channel: ConfirmChannel): void;
  /** There is a channel, and the broker is not behind. */
  hasRoom(): boolean;
  /**
   * Publishes with the entry's sequence as message id. An error means: refused, or the channel closed.
   * @returns false when the channel has just closed, and nothing was published
   */
  publish(entry: OutboxEntry, onConfirm: (error: Error | null) => void): boolean;
  /** Published once. Dropped when there is no room. */
  publishOnce(outgoing: OutgoingMessage, onTaken?: () => void): void;
};

/** Confirms outstanding: 100 to 1 000 carry the same load, more only lengthens what is repeated after a cut. */
const windowMax = 1_000;
const windowBytesMax = 32 * 1024 * 1024;

/** @param userId the user of the connection, null when the URL names none */
export function createConfirmWindow(userId: string | null): ConfirmWindow {
  const properties = userId === null ? {} : { userId };
  let channel: ConfirmChannel | null = null;
  let inFlight = 0;
  let inFlightBytes = 0;

  return {
    use(opened) {
      inFlight = 0;
      inFlightBytes = 0;
      channel = opened;
      opened.once('close', () => {
        if (channel === opened) channel = null;
      });
    },
    hasRoom: () => channel !== null && inFlight < windowMax && inFlightBytes < windowBytesMax,
    publish({ exchange, routingKey, body, headers, sequence }, onConfirm) {
      const on = channel;
      if (!on) return false;
      const options = { ...properties, headers, messageId: String(sequence), mandatory: true, persistent: true };
      try {
        on.publish(exchange, routingKey, body, options, (error: Error | null) => {
          if (on !== channel) return;
          inFlight -= 1;
          inFlightBytes -= body.length;
          onConfirm(error);
        });
      } catch {
        return false;
      }
      inFlight += 1;
      inFlightBytes += body.length;
      return true;
    },
    publishOnce({ exchange, routingKey, body }, onTaken) {
      const on = channel;
      if (!on || inFlight >= windowMax) return;
      try {
        on.publish(exchange, routingKey, body, { ...properties }, (error: Error | null) => {
          if (on === channel) inFlight -= 1;
          if (!error) onTaken?.();
        });
        inFlight += 1;
      } catch {
        // The channel has just closed.
      }
    },
  };
}
