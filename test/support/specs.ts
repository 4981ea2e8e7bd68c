/** The container spec that tests vary: an image and nothing else asked for. */

import type { ContainerSpec } from '../../src/model/service.ts';

export function specOf(image: string, members: Partial<ContainerSpec> = {}): ContainerSpec {
  return {
    name: 'main',
    image,
    command: null,
    args: null,
    env: [],
    ports: [],
    labels: [],
    resources: { memoryBytes: null, cpuMillis: null },
    stopTimeoutSeconds: 10,
    ...members,
  };
}
