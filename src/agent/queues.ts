/**
 * Which queues the agent reads: the node's, unless another instance has the node, and its own for as long as a
 * registration waits for its answer. Knows nothing of what they bring.
 */

import type { AgentBus, Consumer, Disposition } from '../bus/bus.ts';
import type { Command, Refusal } from '../bus/messages.ts';

export type AgentQueues = {
  readCommands(): void;
  /** A consumer that waits for the node's queue gets it when its reader's connection breaks: a refused agent must not wait. */
  leaveCommands(): void;
  readRefusals(): void;
  leaveRefusals(): void;
  /** Settles when nothing that was delivered is under way any more. */
  close(): Promise<void>;
};

export type AgentQueuesOptions = {
  instanceId: string;
  onCommand: (command: Command) => Promise<Disposition>;
  onRefusal: (refusal: Refusal) => void;
};

export function createAgentQueues(bus: AgentBus, options: AgentQueuesOptions): AgentQueues {
  const { instanceId, onCommand, onRefusal } = options;
  let commands: Consumer | undefined;
  let refusals: Consumer | undefined;
  const leaving = new Set<Promise<void>>();

  const leave = (consumer: Consumer | undefined) => {
    if (!consumer) return;
    const left = consumer.close().finally(() => leaving.delete(left));
    leaving.add(left);
  };
  const leaveCommands = () => {
    leave(commands);
    commands = undefined;
  };
  const leaveRefusals = () => {
    leave(refusals);
    refusals = undefined;
  };

  return {
    readCommands() {
      commands ??= bus.consumeCommands(onCommand);
    },
    leaveCommands,
    readRefusals() {
      refusals ??= bus.consumeRefusals(instanceId, async (refusal) => {
        onRefusal(refusal);
        return 'ack';
      });
    },
    leaveRefusals,
    async close() {
      leaveCommands();
      leaveRefusals();
      await Promise.all(leaving);
    },
  };
}
