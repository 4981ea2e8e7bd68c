/**
 * The broker's names, queue arguments and permissions. No other file has them.
 *
 * Two exchanges: commands go over co_topic, which only managers write to; what nodes send goes over co_from_nodes, which leads to
 * managers and nowhere else. RabbitMQ checks the first routing key of a message only, and its headers CC and BCC add others: over
 * one exchange for both a node could write to every queue.
 *
 * Who declares what: managers declare everything, a node's queue when a command for it finds none. An agent declares
 * nothing, it consumes its own queue as soon as there is one. So a node needs no right to configure anything, and one
 * whose credentials are stolen can read its own commands and report as itself, nothing more.
 */

/** Commands and refusals, from managers. */
export const commandsExchange = 'co_topic';
/** Reports, heartbeats and the answers of streams, from agents. */
export const nodesExchange = 'co_from_nodes';
export const reportsQueue = 'co_reports';
export const deadQueue = 'co_dead';
/** Only managers write here, and the broker for the queues that say so. */
export const deadExchange = 'co_dead';

export const nodeQueue = (node: string) => `co_node_${node}`;
/** No node id has an underscore, so it is no other node's. */
export const instanceQueue = (node: string, instanceId: string) => `co_node_${node}_${instanceId}`;
/** Of the streams that managers open to the node. */
export const nodeStreamsQueue = (node: string) => instanceQueue(node, streamsWord);
/** Of what one node answers to one address of a manager: a node that floods it hurts no stream but its own. */
export const streamsQueue = (address: string, node: string) => `co_streams_${address}_${node}`;
export const heartbeatsQueue = (managerId: string) => `co_heartbeats_${managerId}`;

/** Where an instance has its id: none is called so. */
const streamsWord = 'streams';

export const routingKeys = {
  node: (node: string) => `node.${node}`,
  instance: (node: string, instanceId: string) => `node.${node}.${instanceId}`,
  /** To the streams of the node. */
  streams: (node: string) => `node.${node}.${streamsWord}`,
  /** From the node to one address of a manager. */
  stream: (node: string, address: string) => `stream.${node}.${address}`,
  report: (node: string) => `report.${node}`,
  reports: 'report.#',
  heartbeat: (node: string) => `heartbeat.${node}`,
  heartbeats: 'heartbeat.#',
} as const;

/** Commands waiting for one node. Past it publishing is refused, and the node is sent all its desired containers instead. */
export const nodeQueueLengthMax = 10_000;
/** Reports waiting while no manager can append: 10 minutes of a busy cluster. Past it agents keep their reports. */
export const reportsQueueLengthMax = 100_000;
/** Refusals waiting for one instance; all are the same. */
export const instanceQueueLengthMax = 10;
/** An instance that waits for its refusal asks for its queue every few seconds. */
const instanceQueueExpiresMs = 60_000;
/** Requests of streams that wait for one node: their senders have deadlines, so old ones are of no use. */
export const nodeStreamsLengthMax = 10_000;
export const nodeStreamsBytesMax = 16 * 1024 * 1024;
const nodeStreamsExpireMs = 15_000;
/** What one node answers and one manager has not taken. Its streams together have less credit. */
export const streamsBytesMax = 64 * 1024 * 1024;
/** Heartbeats waiting for one manager: two seconds of 5 000 nodes. The oldest are dropped, newer ones replace them. */
const heartbeatsQueueLengthMax = 10_000;
/** Dead letters kept for operators. The oldest are dropped. */
export const deadQueueLengthMax = 10_000;
/**
 * Times a broker hands out one message, each cut of a connection counted, before it dead-letters it by itself: only a message
 * that crashes its reader comes here. Set because brokers differ: 3.x has no limit, 4.x drops at 20.
 */
export const brokerDeliveriesMax = 100;

type QueueArguments = Record<string, string | number | boolean>;

const kept: QueueArguments = {
  'x-queue-type': 'quorum',
  'x-overflow': 'reject-publish',
  'x-delivery-limit': brokerDeliveriesMax,
};

/**
 * What the broker dead-letters leaves its queue only once `co_dead` has it. Of commands only: a node could have its reports
 * dead-lettered by the broker, with an expiration of its own, as many as it likes. Those are dead-lettered by managers.
 */
const deadLettered: QueueArguments = {
  ...kept,
  'x-dead-letter-exchange': deadExchange,
  'x-dead-letter-strategy': 'at-least-once',
};

/**
 * One consumer of a queue at a time, the others wait until it is gone. Reports keep their order over all managers. Of two
 * agents under one node id, a mistake, only the first starts containers. Without it each would get half of the commands,
 * and a container would run twice. The price: a connection that was lost without being closed stays the consumer until the
 * broker misses its heartbeats (measured on 3.10: 15 s), and an agent that was restarted meanwhile waits as long.
 */
const singleActive: QueueArguments = { 'x-single-active-consumer': true };

/** Redeclaring a queue with other arguments is refused by the broker: a change here needs a new name or an upgrade note. */
export const queueArguments = {
  node: { ...deadLettered, ...singleActive, 'x-max-length': nodeQueueLengthMax },
  /** A refusal that is lost here is repeated at the next registration. */
  instance: { 'x-max-length': instanceQueueLengthMax, 'x-expires': instanceQueueExpiresMs },
  nodeStreams: {
    ...singleActive,
    'x-overflow': 'reject-publish',
    'x-max-length': nodeStreamsLengthMax,
    'x-max-length-bytes': nodeStreamsBytesMax,
    'x-message-ttl': nodeStreamsExpireMs,
  },
  streams: { 'x-overflow': 'reject-publish', 'x-max-length-bytes': streamsBytesMax },
  reports: { ...kept, ...singleActive, 'x-max-length': reportsQueueLengthMax },
  heartbeats: { 'x-max-length': heartbeatsQueueLengthMax },
  /** Operators read it again and again. A limit that is never reached keeps brokers with a default limit from dropping what was read. */
  dead: { 'x-queue-type': 'quorum', 'x-max-length': deadQueueLengthMax, 'x-delivery-limit': 1_000_000_000 },
} satisfies Record<string, QueueArguments>;

/** RabbitMQ permissions as regular expressions: `configure`, `write` and `read` on names, topics on routing keys of an exchange. */
export type Permissions = {
  configure: string;
  write: string;
  read: string;
  topic: { exchange: string; write: string; read: string };
};

/** A manager owns every name that starts with `co_` in its virtual host. */
export const managerPermissions: Permissions = {
  configure: '^co_.*$',
  write: '^co_.*$',
  read: '^co_.*$',
  topic: { exchange: commandsExchange, write: '^node\\..*$', read: '^node\\..*$' },
};

/** A node id has no character that means something in a regular expression (see NodeId). */
export const agentPermissions = (node: string): Permissions => ({
  configure: '^$',
  write: `^${nodesExchange}$`,
  read: `^${nodeQueue(node)}(_([0-9a-f-]{36}|${streamsWord}))?$`,
  topic: { exchange: nodesExchange, write: `^((report|heartbeat)\\.${node}|stream\\.${node}\\..+)$`, read: '^$' },
});
