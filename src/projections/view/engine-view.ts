/** An engine as the view has it. */

/** What several nodes share. */
export type EngineView = {
  engineId: string;
  /** Its nodes that are not lost describe it differently: they cannot all be on it. */
  isDisputed: boolean;
  /** Nodes of it. It leaves the view when the last is removed and no container holds anything of it. */
  nodes: Set<string>;
  /** Containers on it that are not terminal. */
  containers: number;
  /** Reserved by containers that are not terminal. */
  memoryReservedBytes: number;
  cpuReservedMillis: number;
  /** `80/tcp` → container that holds the host port. */
  hostPorts: Map<string, string>;
};
