/** The names we leave on other systems: Docker labels, container names, and the agent's variables inside a container. */

/** A spec may not set these. */
export const labels = {
  cluster: 'co.cluster',
  clusterId: 'co.cluster-id',
  node: 'co.node',
  service: 'co.service',
  slot: 'co.slot',
  container: 'co.container',
  generation: 'co.generation',
  specHash: 'co.spec-hash',
  /** Of one that the agent started by itself: the run before it. */
  replaces: 'co.replaces',
} as const;

export function dockerContainerName(clusterId: string, containerId: string): string {
  return `co-${clusterId.slice(0, 6)}-${containerId}`;
}

/** What every container can read about itself. The spec's own env of the same name wins. */
export const selfEnvironment = {
  service: 'CO_SERVICE',
  slot: 'CO_SLOT',
  node: 'CO_NODE',
  container: 'CO_CONTAINER',
} as const;
