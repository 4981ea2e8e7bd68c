/** The image that tests run: busybox with a shell, built on the spot. */

import { buildImage } from '../../../bootstrap/images/build-image.ts';
import { findBusybox } from '../../../bootstrap/images/busybox.ts';

export const testImage = 'co/test:latest';

export async function ensureTestImage(socketPath: string): Promise<void> {
  const busybox = await findBusybox({ mayInstall: false });
  if ('missing' in busybox) throw new Error(busybox.missing);
  const applets = [
    'sh',
    'sleep',
    'echo',
    'cat',
    'seq',
    'tail',
    'head',
    'env',
    'dd',
    'true',
    'false',
    'httpd',
    'kill',
    'id',
  ];
  const definition = { name: testImage, applets, files: [], changes: ['ENV PATH=/bin', 'CMD ["sleep","3600"]'] };
  await buildImage(definition, { socketPath, busybox: busybox.content });
}
