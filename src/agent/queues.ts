/**
 * Which queues the agent reads: the node's, unless another instance has the node, and its own for as long as a
 * registration waits for its answer. Knows nothing of what they bring.
 */

import type { AgentBus, Consumer, Disposition } from '../bus/bus.ts';
import type { Command, Refusal } from '../bus/messages.ts';
import type { StreamRequest } from '../bus/stream-messages.ts';

export type AgentQueues = {
  /** And the streams that are opened to the node. */
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
  onStream: (request: StreamRequest) => void;
};

export function createAgentQueues(bus: AgentBus, options: AgentQueuesOptions): AgentQueues {
  const { instanceId, onCommand, onRefusal, onStream } = options;
  let commands: Consumer | undefined;
  let streams: Consumer | undefined;
  let refusals: Consumer | undefined;
  const leaving = new Set<Promise<void>>();

  const leave = (consumer: Consumer | undefined) => {
    if (!consumer) return;
    const left = consumer.close().finally(() => leaving.delete(left));
    leaving.add(left);
  };
  const leaveCommands = () => {
    leave(commands);
    leave(streams);
    [commands, streams] = [undefined, undefined];
  };
  const leaveRefusals = () => {
    leave(refusals);
    refusals = undefined;
  };

  return {
    readCommands() {
      commands ??= bus.consumeCommands(onCommand);
      streams ??= bus.consumeStreamRequests(onStream);
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
