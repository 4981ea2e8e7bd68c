/** Owns the broker's names: exchange, queues and routing keys. Nothing else spells them. */

export const exchange = 'co_topic';
export const reportsQueue = 'co_reports';
export const deadQueue = 'co_dead';
/** Dead letters travel apart from co_topic, so that nobody with a right to publish there can fill them. */
export const deadExchange = 'co_dead';

export const nodeQueue = (node: string) => `co_node_${node}`;
export const heartbeatsQueue = (managerId: string) => `co_heartbeats_${managerId}`;

export const routingKeys = {
  node: (node: string) => `node.${node}`,
  report: (node: string) => `report.${node}`,
  reports: 'report.#',
  heartbeat: (node: string) => `heartbeat.${node}`,
  heartbeats: 'heartbeat.#',
} as const;
