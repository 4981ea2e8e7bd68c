/**
 * The port between managers and agents, with an interface for each: what a manager may do and what an agent may do.
 * Delivery is at least once and in order per queue; nothing here knows what a message means.
 */

import type { Command, Heartbeat, Refusal, Report } from './messages.ts';
import type { StreamAnswer, StreamRequest } from './stream-messages.ts';

/**
 * What a handler decides about a message. `retry`: it is handled again after a pause. After `deliveriesMax` tries, or on
 * `deadLetter`, it goes to `co_dead` with the reason. A message that does not match its schema is dead-lettered and not
 * given to the handler.
 */
export type Disposition = 'ack' | 'retry' | { deadLetter: string };

export type Consumer = {
  /** Stops deliveries, waits for handlers in flight (at most 3 s). What was not acked is delivered to the next consumer. */
  close(): Promise<void>;
};

type PublishOptions = {
  /** Default 5 000. Past it: AppError `bus_unavailable` (retryable); the message may still arrive. */
  deadlineMs?: number;
};

export type BusStatus = {
  state: 'connected' | 'connecting' | 'closed';
  /** Which bus it is, for users: `rabbitmq 127.0.0.1:5672` or `embedded`. Never a password. */
  description: string;
  /** The last problem as a sentence, null while connected. */
  trouble: string | null;
};

export type BusEnd = {
  status(): BusStatus;
  /** There is a connection, whether or not it serves: it may be blocked, or lack a channel. */
  isReachable(): boolean;
  /** Called on each connect (also at once when connected already). Returns an unsubscribe. */
  onConnected(listener: () => void): () => void;
  /** Finishes confirms in flight (at most 3 s), then disconnects. */
  close(): Promise<void>;
};

export type ManagerBus = BusEnd & {
  /**
   * Declares the node's queue if needed and publishes; resolves when the broker has it (confirmed and routed).
   * @throws AppError `bus_unavailable` (retryable) · `bus_closed`
   */
  sendCommand(command: Command, options?: PublishOptions): Promise<void>;
  /** Declares the instance's own queue if needed; the queue is deleted when it has no consumer for a minute. Fails as `sendCommand` does. */
  sendRefusal(refusal: Refusal, options?: PublishOptions): Promise<void>;
  /** `co_reports`: single active consumer over all managers; up to `prefetch` (default 100) handlers at once. */
  consumeReports(handler: (report: Report) => Promise<Disposition>, options?: { prefetch?: number }): Consumer;
  /** This manager's own `co_heartbeats_<manager>` queue. Heartbeats are acked on arrival and lost while there is no consumer. */
  consumeHeartbeats(handler: (heartbeat: Heartbeat) => void): Consumer;
  /**
   * To the agent of the node that the request names, in order. Resolves when the broker has it, and may have it twice.
   * Fails as `sendCommand` does. Requests that no agent takes within seconds are dropped.
   */
  sendStreamRequest(request: StreamRequest, options?: PublishOptions): Promise<void>;
  /**
   * What the node answers to this address of the manager, in order, while there is a consumer; on a connection of its own. Nothing is
   * delivered again: an address that was used before would lose what comes while its queue is deleted.
   */
  consumeStreamAnswers(from: { node: string; address: string }, handler: (answer: StreamAnswer) => void): Consumer;
  /** Dead letters, oldest first, left where they are. For operators. */
  readDeadLetters(limit: number): Promise<DeadLetter[]>;
};

export type AgentBus = BusEnd & {
  sendReport(report: Report, options?: PublishOptions): Promise<void>;
  /**
   * Sent once, and dropped while disconnected: the next heartbeat follows in a second.
   * @param onTaken called when the broker has it
   */
  sendHeartbeat(heartbeat: Heartbeat, onTaken?: () => void): void;
  /** `co_node_<id>`: one at a time, in order; single active consumer, another agent of the same node waits. */
  consumeCommands(handler: (command: Command) => Promise<Disposition>): Consumer;
  /** `co_node_<id>_<instance>`, while it exists: messages for one agent of the node alone. */
  consumeRefusals(instanceId: string, handler: (refusal: Refusal) => Promise<Disposition>): Consumer;
  /** `co_node_<id>_streams`: in order; single active consumer. */
  consumeStreamRequests(handler: (request: StreamRequest) => void): Consumer;
  /**
   * To the manager that the answer names, on a connection of its own: reports and heartbeats do not wait behind it.
   * Resolves when the broker has it. @throws as `sendReport`, also when that manager has no consumer for the node any more
   */
  sendStreamAnswer(answer: StreamAnswer, options?: PublishOptions): Promise<void>;
};

export type DeadLetter = { routingKey: string; reason: string; body: string };

/** A message is tried this often before it is dead-lettered in `co_dead`. */
export const deliveriesMax = 5;
