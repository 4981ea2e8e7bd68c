/**
 * Owns the port between managers and agents. Two narrow ends: what a manager may do and what an agent may do.
 * Delivery is at least once and in order per queue; nothing here knows what a message means.
 */

import type { Command, Heartbeat, Refusal, Report } from './messages.ts';

/**
 * What a consumer says of a message. `retry` redelivers (with a pause, counted); after `deliveriesMax` tries, or on
 * `deadLetter`, it goes to `co_dead` with the reason. A message that does not match its schema is dead-lettered without being shown.
 */
export type Verdict = 'ack' | 'retry' | { deadLetter: string };

export type Consumer = {
  /** Stops deliveries, waits for handlers in flight (at most 3 s). What was not acked is delivered to the next consumer. */
  close(): Promise<void>;
};

export type PublishOptions = {
  /** Default 5 000. Past it: AppError `bus_unavailable` (retryable); the message may still arrive. */
  deadlineMs?: number;
};

export type BusStatus = {
  state: 'connected' | 'connecting' | 'closed';
  /** How the bus is kept, for people: `rabbitmq 127.0.0.1:5672` or `embedded`. Never a password. */
  description: string;
  /** Last trouble in words, null while connected. */
  trouble: string | null;
};

export type BusEnd = {
  status(): BusStatus;
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
  /** Declares the instance's own queue if needed; it goes when nobody reads it for a minute. Fails as `sendCommand` does. */
  sendRefusal(refusal: Refusal, options?: PublishOptions): Promise<void>;
  /** `co_reports`: single active consumer over all managers; up to `prefetch` (default 100) handlers at once. */
  consumeReports(handler: (report: Report) => Promise<Verdict>, options?: { prefetch?: number }): Consumer;
  /** This manager's own `co_heartbeats_<manager>` queue. Heartbeats are acked as they come, lost when nobody listens. */
  consumeHeartbeats(handler: (heartbeat: Heartbeat) => void): Consumer;
  /** Dead letters, oldest first, left where they are. For operators. */
  readDeadLetters(limit: number): Promise<DeadLetter[]>;
};

export type AgentBus = BusEnd & {
  sendReport(report: Report, options?: PublishOptions): Promise<void>;
  /** Not confirmed, dropped while disconnected: the next beat is a second away. */
  sendHeartbeat(heartbeat: Heartbeat): void;
  /** `co_node_<id>`: one at a time, in order; single active consumer, whoever else speaks for the node waits. */
  consumeCommands(handler: (command: Command) => Promise<Verdict>): Consumer;
  /** `co_node_<id>_<instance>`, for as long as there is one: what is meant for one agent of the node alone. */
  consumeRefusals(instanceId: string, handler: (refusal: Refusal) => Promise<Verdict>): Consumer;
};

export type DeadLetter = { routingKey: string; reason: string; body: string };

/** A message is tried this often before it is dead-lettered in `co_dead`. */
export const deliveriesMax = 5;
