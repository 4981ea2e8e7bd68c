/**
 * The image `co/hello`: an HTTP server on port 80 that answers with its service, slot, node and container. Run as a
 * program it builds the image; without a busybox it says so and goes on, the examples can use any other image.
 */

import { readFile } from 'node:fs/promises';
import { createProgram, runOnce } from '../../src/process/arguments.ts';
import { buildImage, type ImageDefinition } from './build-image.ts';
import { findBusybox } from './busybox.ts';

const helloImage = 'co/hello:latest';

export type BuildOptions = { socketPath: string; mayInstall: boolean };

/** @returns what was done, as a sentence for people */
export async function buildHello({ socketPath, mayInstall }: BuildOptions): Promise<string> {
  const busybox = await findBusybox({ mayInstall });
  if ('missing' in busybox) return `${helloImage} not built: ${busybox.missing}`;
  const isNew = await buildImage(await readDefinition(), { socketPath, busybox: busybox.content });
  return isNew ? `${helloImage} built from ${busybox.path}` : `${helloImage} is there already`;
}

async function readDefinition(): Promise<ImageDefinition> {
  const content = await readFile(new URL('./hello/hello.sh', import.meta.url));
  return {
    name: helloImage,
    applets: ['sh', 'httpd', 'mkdir', 'cat', 'wget', 'ls', 'ps'],
    files: [{ kind: 'file', path: 'hello.sh', mode: 0o755, content }],
    changes: ['ENV PATH=/bin', 'EXPOSE 80/tcp', 'CMD ["/hello.sh"]'],
  };
}

if (import.meta.main) {
  const program = createProgram('node bootstrap/images/build-hello.ts', 'Builds the example image from busybox.')
    .option('--socket <PATH>', 'of the Docker Engine', '/var/run/docker.sock')
    .option('--no-install', 'do not install busybox');
  await runOnce(program, async ({ options: { socket, install } }) => {
    console.log(await buildHello({ socketPath: String(socket), mayInstall: install !== false }));
  });
}
