/**
 * Builds an image from nothing but busybox and putting it into an engine, unless the same content is there
 * already. Fetches nothing from a registry.
 */

import { createHash } from 'node:crypto';
import Docker from 'dockerode';
import { createTar, type TarEntry } from './tar.ts';

export type ImageDefinition = {
  /** With its tag: `co/hello:latest`. */
  name: string;
  applets: readonly string[];
  files: readonly TarEntry[];
  /** As in a Dockerfile: `ENTRYPOINT ["/bin/sh"]`. */
  changes: readonly string[];
};

const contentLabel = 'co.image-content';
/** Two megabytes over a local socket. */
const buildDeadlineMs = 60_000;

/** @returns whether anything had to be built */
export async function buildImage(
  definition: ImageDefinition,
  { socketPath, busybox }: { socketPath: string; busybox: Buffer },
): Promise<boolean> {
  const docker = new Docker({ socketPath, host: undefined } as unknown as Docker.DockerOptions);
  const tar = await createTar(entriesOf(definition, busybox));
  const content = createHash('sha256').update(tar).update(definition.changes.join('\n')).digest('hex').slice(0, 16);
  if ((await readContentLabel(docker, definition.name)) === content) return false;
  const [repo, tag] = definition.name.split(':');
  const options = { repo, tag, changes: [...definition.changes, `LABEL ${contentLabel}=${content}`] };
  const abortSignal = AbortSignal.timeout(buildDeadlineMs);
  const reply = await docker.importImage(tar as unknown as string, { ...options, abortSignal } as object);
  for await (const chunk of reply) {
    const line = String(chunk);
    if (line.includes('"error"')) throw new Error(`the engine refused the image ${definition.name}: ${line.trim()}`);
  }
  if ((await readContentLabel(docker, definition.name)) !== content)
    throw new Error(`${definition.name} was not built`);
  return true;
}

async function readContentLabel(docker: Docker, name: string): Promise<string | undefined> {
  try {
    return (await docker.getImage(name).inspect()).Config.Labels?.[contentLabel];
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw error;
  }
}

function entriesOf({ applets, files }: ImageDefinition, busybox: Buffer): TarEntry[] {
  return [
    { kind: 'directory', path: 'bin/', mode: 0o755 },
    { kind: 'file', path: 'bin/busybox', mode: 0o755, content: busybox },
    ...applets.map((applet): TarEntry => ({ kind: 'symlink', path: `bin/${applet}`, target: 'busybox' })),
    { kind: 'directory', path: 'tmp/', mode: 0o1777 },
    ...files,
  ];
}
