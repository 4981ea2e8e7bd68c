/** A server that runs as a container of the engine at hand, on the host's own network; its image may be fetched. */

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type Docker from 'dockerode';
import { connectDocker } from '../cluster/engine/docker-client.ts';

export type ImageServer = {
  image: string;
  command: readonly string[];
  environment: Record<string, string>;
  isServing: () => Promise<boolean>;
  socket: string;
  signal: AbortSignal;
  print: (line: string) => void;
};

/** A registry that has not delivered by then is as good as away. */
const pullDeadlineMs = 60_000;
const startDeadlineMs = 90_000;
const lookEveryMs = 200;

/** @throws Error when the image cannot be had or its server does not serve in time; nothing of it is left then */
export async function startFromImage(server: ImageServer): Promise<{ close(): Promise<void> }> {
  const { image, command, environment, isServing, socket, signal } = server;
  const docker = connectDocker(socket);
  await haveImage(docker, server);
  const container = await docker.createContainer({
    name: `co-test-${randomUUID()}`,
    Image: image,
    Cmd: [...command],
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    HostConfig: { NetworkMode: 'host', Init: true },
  });
  const close = () => container.remove({ force: true, v: true });
  try {
    await container.start();
    const deadlineMs = performance.now() + startDeadlineMs;
    while (!(await isServing().catch(() => false))) {
      signal.throwIfAborted();
      if (!(await container.inspect()).State.Running) throw new Error(`the container of ${image} has ended`);
      if (performance.now() > deadlineMs) throw new Error(`the container of ${image} does not serve in time`);
      await pause(lookEveryMs);
    }
    return { close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function haveImage(docker: Docker, { image, signal, print }: ImageServer): Promise<void> {
  const isLocal = () =>
    docker
      .getImage(image)
      .inspect()
      .then(
        () => true,
        () => false,
      );
  if (await isLocal()) return;
  print(`fetching the image ${image} …`);
  const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(pullDeadlineMs)]);
  const lines: NodeJS.ReadableStream = await docker.pull(image, { abortSignal });
  let lastLine = '';
  for await (const chunk of lines) lastLine = String(chunk).trim();
  if (!(await isLocal())) throw new Error(`could not be fetched: ${lastLine}`);
}
