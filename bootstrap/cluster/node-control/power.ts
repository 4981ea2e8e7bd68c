/** A loss of power as the engine sees it: the containers of one node end at once, and stay where they are. */

import { labels } from '../../../src/model/naming.ts';
import type { ClientTls } from '../../../src/tls/client-tls.ts';
import { connectDocker } from '../engine/docker-client.ts';

const deadlineMs = 10_000;

/** @returns how many ended */
export async function killContainersOf(
  node: string,
  of: { clusterId: string; address: string; tls: ClientTls | null },
): Promise<number> {
  const docker = connectDocker(of.address, of.tls);
  const abortSignal = AbortSignal.timeout(deadlineMs);
  const filters = { label: [`${labels.clusterId}=${of.clusterId}`, `${labels.node}=${node}`] };
  const running = await docker.listContainers({ filters, abortSignal });
  let killed = 0;
  for (const { Id } of running) {
    await docker
      .getContainer(Id)
      .kill({ abortSignal })
      .then(() => {
        killed += 1;
      }, unlessEnded);
  }
  return killed;
}

/** 404, 409: it ended by itself meanwhile. */
function unlessEnded(error: { statusCode?: number }): void {
  if (error.statusCode !== 404 && error.statusCode !== 409) throw error;
}
