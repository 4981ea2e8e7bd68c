/**
 * The Docker Engine under test: CO_TEST_DOCKER_SOCKET is the path of its socket. Whatever a test's cluster leaves
 * there is removed by its label; nothing else is touched.
 */

import { stat } from 'node:fs/promises';
import Docker from 'dockerode';
import { labels } from '../../../src/model/naming.ts';
import { ensureTestImage } from './images.ts';

export const dockerSocket = process.env.CO_TEST_DOCKER_SOCKET ?? '';

/** Why tests on Docker cannot run here; null when they can, and then the test image is there. */
export async function whyNoDocker(): Promise<string | null> {
  if (!dockerSocket) return 'CO_TEST_DOCKER_SOCKET is not set';
  try {
    await stat(dockerSocket);
    await openDocker().ping();
    await ensureTestImage(dockerSocket);
    return null;
  } catch (error) {
    return `no Docker Engine at CO_TEST_DOCKER_SOCKET: ${error instanceof Error ? error.message : error}`;
  }
}

export const openDocker = () => new Docker({ socketPath: dockerSocket });

export async function removeContainersOf(clusterId: string): Promise<void> {
  const docker = openDocker();
  const filters = { label: [`${labels.clusterId}=${clusterId}`] };
  const left = await docker.listContainers({ all: true, filters });
  await Promise.all(left.map(({ Id }) => docker.getContainer(Id).remove({ force: true, v: true })));
}
