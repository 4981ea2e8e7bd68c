/** Takes a cluster's containers off an engine: those with its labels, several at once, and nothing else. */

import type Docker from 'dockerode';
import { labels } from '../../../src/model/naming.ts';

export type RemoveOptions = {
  /** By id where it is known: another cluster may have the same name. */
  of: { clusterId: string } | { cluster: string };
  onRemoved: (container: string, done: number, total: number) => void;
};

/** Stops wait for programs to end, not for the engine; past this many it is busy with little else. */
const parallelMax = 8;
const listDeadlineMs = 10_000;
/** Over the longest stop time a spec may have, which the engine keeps by itself. */
const removeDeadlineMs = 3_700_000;

/** @returns how many were removed. The first failure is thrown when all have been tried. */
export async function removeContainers(docker: Docker, { of, onRemoved }: RemoveOptions): Promise<number> {
  const label = 'clusterId' in of ? `${labels.clusterId}=${of.clusterId}` : `${labels.cluster}=${of.cluster}`;
  const listed = await docker.listContainers({
    all: true,
    filters: { label: [label] },
    abortSignal: AbortSignal.timeout(listDeadlineMs),
  });
  const waiting = [...listed];
  const failures: unknown[] = [];
  let done = 0;
  const work = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      try {
        await stopAndRemove(docker.getContainer(next.Id));
        done += 1;
        onRemoved(next.Labels[labels.container] ?? next.Id.slice(0, 12), done, listed.length);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: parallelMax }, work));
  if (failures.length > 0) throw failures[0];
  return done;
}

async function stopAndRemove(container: Docker.Container): Promise<void> {
  const abortSignal = AbortSignal.timeout(removeDeadlineMs);
  // Without a time of ours each gets the one it was created with. 304: it has stopped already.
  await container.stop({ abortSignal }).catch(unlessStatus(304, 404));
  await container.remove({ force: true, v: true, abortSignal }).catch(unlessStatus(404, 409));
}

const unlessStatus =
  (...accepted: number[]) =>
  (error: { statusCode?: number }) => {
    if (!accepted.includes(error.statusCode ?? 0)) throw error;
  };
