/** The registry that asks for a login: CO_TEST_REGISTRY is its host and port. Images for it are made and pushed here. */

import { Readable } from 'node:stream';
import { buildImage } from '../../../bootstrap/images/build-image.ts';
import { findBusybox } from '../../../bootstrap/images/busybox.ts';
import { registryUser } from '../../../bootstrap/services/registry.ts';
import { dockerSocket, openDocker, whyNoDocker } from './docker.ts';

export { registryUser };

export const registryHost = process.env.CO_TEST_REGISTRY ?? '';

/** null: tests with it can run. */
export const whyNoRegistry = async (): Promise<string | null> =>
  registryHost === '' ? 'CO_TEST_REGISTRY is not set' : whyNoDocker();

/**
 * Makes an image whose containers run until they are stopped, pushes it and removes it from the engine.
 * @param content another one is another digest
 * @returns its digest
 */
export async function pushImage(name: string, content: string): Promise<string> {
  const busybox = await findBusybox({ mayInstall: false });
  if ('missing' in busybox) throw new Error(busybox.missing);
  const changes = ['ENV PATH=/bin', `LABEL content=${content}`, 'CMD ["sleep","3600"]'];
  const definition = { name: 'co/pushed:latest', applets: ['sh', 'sleep'], files: [], changes };
  await buildImage(definition, { socketPath: dockerSocket, busybox: busybox.content });
  const docker = openDocker();
  const colon = name.lastIndexOf(':');
  await docker.getImage('co/pushed:latest').tag({ repo: name.slice(0, colon), tag: name.slice(colon + 1) });
  const pushed = await docker.getImage(name).push({ authconfig: { ...registryUser, serveraddress: registryHost } });
  let digest: string | null = null;
  for await (const chunk of Readable.from(pushed as AsyncIterable<Buffer>)) {
    const text = String(chunk);
    if (text.includes('"error"')) throw new Error(`${name} was not pushed: ${text}`);
    digest = /"Digest":"(sha256:[0-9a-f]{64})"/.exec(text)?.[1] ?? digest;
  }
  if (digest === null) throw new Error(`the push of ${name} named no digest`);
  await removeImage(name);
  await removeImage('co/pushed:latest');
  return digest;
}

/** From the engine; nothing when it is not there. */
export async function removeImage(name: string): Promise<void> {
  await openDocker()
    .getImage(name)
    .remove({ force: true })
    .catch((error: { statusCode?: number }) => {
      if (error.statusCode !== 404) throw error;
    });
}
