/**
 * Owns building an image from nothing but busybox and putting it into an engine, unless the same content is there
 * already. Fetches nothing from a registry.
 */

import { createHash } from 'node:crypto';
import Docker from 'dockerode';
import { createTar, type TarEntry } from './tar.ts';

export type ImageRecipe = {
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
  recipe: ImageRecipe,
  { socketPath, busybox }: { socketPath: string; busybox: Buffer },
): Promise<boolean> {
  const docker = new Docker({ socketPath, host: undefined } as unknown as Docker.DockerOptions);
  const tar = createTar(entriesOf(recipe, busybox));
  const content = createHash('sha256').update(tar).update(recipe.changes.join('\n')).digest('hex').slice(0, 16);
  if ((await readContentLabel(docker, recipe.name)) === content) return false;
  const [repo, tag] = recipe.name.split(':');
  const options = { repo, tag, changes: [...recipe.changes, `LABEL ${contentLabel}=${content}`] };
  const abortSignal = AbortSignal.timeout(buildDeadlineMs);
  const reply = await docker.importImage(tar as unknown as string, { ...options, abortSignal } as object);
  for await (const chunk of reply) {
    const line = String(chunk);
    if (line.includes('"error"')) throw new Error(`the engine refused the image ${recipe.name}: ${line.trim()}`);
  }
  if ((await readContentLabel(docker, recipe.name)) !== content) throw new Error(`${recipe.name} was not built`);
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

function entriesOf({ applets, files }: ImageRecipe, busybox: Buffer): TarEntry[] {
  return [
    { kind: 'directory', path: 'bin/', mode: 0o755 },
    { kind: 'file', path: 'bin/busybox', mode: 0o755, content: busybox },
    ...applets.map((applet): TarEntry => ({ kind: 'symlink', path: `bin/${applet}`, target: 'busybox' })),
    { kind: 'directory', path: 'tmp/', mode: 0o1777 },
    ...files,
  ];
}
