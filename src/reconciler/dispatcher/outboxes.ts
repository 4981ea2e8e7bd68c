/**
 * Commands on their way to each node, in order. One that could not be delivered is not repeated: the node gets its whole
 * wanted set instead, as it does when too many commands wait.
 */

import type { ManagerBus } from '../../bus/bus.ts';
import type { Command, WantedCommand } from '../../bus/messages.ts';
import { hasCode } from '../../errors.ts';
import type { Logger } from '../../logger.ts';

export type Outboxes = {
  enqueue(command: Exclude<Command, { kind: 'resync' }>): void;
  /** The wanted set goes in place of what waits. */
  sendWanted(node: string): void;
  /** Nothing more is sent to the node, but what is being sent. */
  drop(node: string): void;
  dropAll(): void;
};

export type OutboxesOptions = {
  /** As of now; null: there is no such node. */
  wantedSetOf(node: string): WantedCommand | null;
  /** With what is not part of the log, just before it is sent. Never throws. */
  complete(command: Command): Promise<Command>;
  onWantedSent(node: string): void;
  /** No message of the bus holds it. */
  onTooLarge(wanted: WantedCommand, refusal: unknown): void;
  /** Until a set that was too large is tried again. */
  tooLargeRetryMs: number;
};

/** Past it the whole wanted set is shorter. */
const commandsMax = 1_000;
const retryMs = 1_000;

type Outbox = {
  node: string;
  commands: Command[];
  /** The wanted set goes first. */
  isSetDue: boolean;
  isSending: boolean;
  tooLargeRetry?: NodeJS.Timeout;
};

export function createOutboxes(
  { bus, logger }: { bus: Pick<ManagerBus, 'sendCommand'>; logger: Logger },
  { wantedSetOf, complete, onWantedSent, onTooLarge, tooLargeRetryMs }: OutboxesOptions,
): Outboxes {
  const outboxes = new Map<string, Outbox>();
  const isKept = (outbox: Outbox) => outboxes.get(outbox.node) === outbox;

  const outboxOf = (node: string): Outbox => {
    const outbox = outboxes.get(node) ?? { node, commands: [], isSetDue: false, isSending: false };
    outboxes.set(node, outbox);
    return outbox;
  };

  const sendWanted = (node: string) => {
    const outbox = outboxOf(node);
    clearTimeout(outbox.tooLargeRetry);
    outbox.commands = [];
    outbox.isSetDue = true;
    void sendAll(outbox);
  };

  const next = (outbox: Outbox): Command | undefined => {
    if (!isKept(outbox)) return undefined;
    if (!outbox.isSetDue) return outbox.commands.shift();
    outbox.isSetDue = false;
    return wantedSetOf(outbox.node) ?? outbox.commands.shift();
  };

  const sendAll = async (outbox: Outbox) => {
    if (outbox.isSending) return;
    outbox.isSending = true;
    let isDelivered = true;
    for (let command = next(outbox); command; command = isDelivered ? next(outbox) : undefined) {
      isDelivered = await trySending(outbox, command);
    }
    outbox.isSending = false;
    if (!isDelivered) later(retryMs, outbox, () => sendAll(outbox));
  };

  /** @returns false: the node cannot be reached now, and its wanted set waits */
  const trySending = async (outbox: Outbox, command: Command): Promise<boolean> => {
    const { node } = outbox;
    try {
      await bus.sendCommand(await complete(command));
      if (command.kind === 'wanted') onWantedSent(node);
      return true;
    } catch (error) {
      if (hasCode(error, 'message_too_large') && command.kind === 'wanted') {
        onTooLarge(command, error);
        // It would be as large again: the node has to do with the commands that follow.
        outbox.tooLargeRetry = later(tooLargeRetryMs, outbox, () => sendWanted(node));
        return true;
      }
      logger.warn({ err: error, node, kind: command.kind }, 'command not delivered; the wanted set follows');
      outbox.commands = [];
      outbox.isSetDue = true;
      return false;
    }
  };

  /** Unless the outbox was dropped by then. */
  const later = (delayMs: number, outbox: Outbox, act: () => unknown): NodeJS.Timeout =>
    setTimeout(() => {
      if (isKept(outbox)) act();
    }, delayMs).unref();

  return {
    enqueue(command) {
      const outbox = outboxOf(command.node);
      if (outbox.commands.length >= commandsMax) return sendWanted(command.node);
      outbox.commands.push(command);
      void sendAll(outbox);
    },
    sendWanted,
    drop: (node) => outboxes.delete(node),
    dropAll: () => outboxes.clear(),
  };
}
