/**
 * A registry with one small image, as Docker expects it of http registries on 127.0.0.1. A test can hold the
 * layer in its middle, and count who asked for the image.
 */

import { createHash, randomBytes } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { findBusybox } from '../../../bootstrap/images/busybox.ts';
import { createTar } from '../../../bootstrap/images/tar.ts';

export type Registry = {
  /** Another content for each registry, so that no engine has it. */
  image: string;
  /** How often its manifest was asked for by name. */
  pulls(): number;
  /** Answers end in the middle of the layer until it is called. */
  release(): void;
  close(): Promise<void>;
};

const digestOf = (content: Buffer) => `sha256:${createHash('sha256').update(content).digest('hex')}`;
const docker = (kind: string) => `application/vnd.docker.${kind}`;
/** Docker says how far it is with every half a megabyte. */
const ballastBytes = 4 * 1024 * 1024;

export async function openRegistry({ isHeld = false } = {}): Promise<Registry> {
  const busybox = await findBusybox({ mayInstall: false });
  if ('missing' in busybox) throw new Error(busybox.missing);
  const tar = await createTar([
    { kind: 'directory', path: 'bin/', mode: 0o755 },
    { kind: 'file', path: 'bin/busybox', mode: 0o755, content: busybox.content },
    { kind: 'file', path: 'ballast', mode: 0o644, content: randomBytes(ballastBytes) },
  ]);
  const layer = gzipSync(tar, { level: 1 });
  const config = Buffer.from(
    JSON.stringify({
      ...{ architecture: process.arch === 'arm64' ? 'arm64' : 'amd64', os: 'linux' },
      config: { Cmd: ['/bin/busybox', 'sleep', '3600'] },
      rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
    }),
  );
  const part = (mediaType: string, content: Buffer) => ({
    mediaType,
    size: content.length,
    digest: digestOf(content),
  });
  const manifest = Buffer.from(
    JSON.stringify({
      ...{ schemaVersion: 2, mediaType: docker('distribution.manifest.v2+json') },
      config: part(docker('container.image.v1+json'), config),
      layers: [part(docker('image.rootfs.diff.tar.gzip'), layer)],
    }),
  );

  const released = Promise.withResolvers<void>();
  if (!isHeld) released.resolve();
  /** By its tag; what it is, by its digest. Some engines ask for the head first, some do not. */
  const asked: Record<string, number> = {};
  const answer = (response: ServerResponse, type: string, content: Buffer) => {
    const headers = { 'content-type': type, 'docker-content-digest': digestOf(content) };
    response.writeHead(200, { ...headers, 'content-length': content.length });
  };
  const server = createServer(async ({ url = '', method = '' }, response) => {
    if (url === '/v2/') return response.end();
    const [what, name = ''] = url.split('/').slice(-2);
    const content = [manifest, config, layer].find((one) => digestOf(one) === name);
    if (what === 'manifests') {
      if (!content) asked[method] = (asked[method] ?? 0) + 1;
      answer(response, docker('distribution.manifest.v2+json'), manifest);
      return response.end(method === 'GET' ? manifest : undefined);
    }
    if (!content) return response.writeHead(404).end();
    answer(response, 'application/octet-stream', content);
    if (content !== layer) return response.end(content);
    const middle = Math.floor(layer.length / 2);
    response.write(layer.subarray(0, middle));
    await released.promise;
    response.end(layer.subarray(middle));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    image: `127.0.0.1:${port}/test:latest`,
    pulls: () => Math.max(0, ...Object.values(asked)),
    release: () => released.resolve(),
    async close() {
      released.resolve();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
