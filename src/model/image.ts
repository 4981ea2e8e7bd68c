/** References of images as Docker reads them: `[host[:port]/]path[:tag][@digest]`. Pure. */

import { type Static, Type } from '@sinclair/typebox';

/** Names the bytes of an image, where a tag may come to mean others. */
export const ImageDigest = Type.String({
  pattern: '^[a-z0-9]+([+._-][a-z0-9]+)*:[0-9a-fA-F]{32,128}$',
  maxLength: 200,
});

/** Whether the registry is asked: where the image is missing, before every start, never. */
export const PullPolicy = Type.Union([Type.Literal('missing'), Type.Literal('always'), Type.Literal('never')]);
export type PullPolicy = Static<typeof PullPolicy>;

/** Of a spec that says nothing. */
export const pullPolicyDefault: PullPolicy = 'missing';

/** Where images come from that name no host. */
export const defaultRegistry = 'docker.io';

/** Other names of it. */
const aliases: ReadonlySet<string> = new Set(['index.docker.io', 'registry-1.docker.io']);

/** Lower-case, with its port if it has one. The first part is a host when it has a dot or a port, or is localhost. */
export function registryHostOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return isHost ? canonicalHost(first) : defaultRegistry;
}

/** One name for each registry. */
export function canonicalHost(host: string): string {
  const lower = host.toLowerCase();
  return aliases.has(lower) ? defaultRegistry : lower;
}

/** null: it names a tag only, or nothing. */
export function digestOf(image: string): string | null {
  const at = image.indexOf('@');
  return at < 0 ? null : image.slice(at + 1);
}

/** Without tag and digest. */
const nameOf = (image: string): string => image.replace(/@.*$/, '').replace(/:[^:/]*$/, '');

/** The image of these bytes, whatever its tag means by then. */
export const pinImage = (image: string, digest: string): string => `${nameOf(image)}@${digest}`;

/** As engines shorten it: `nginx` for `docker.io/library/nginx`. */
const shortNameOf = (image: string): string => {
  const name = nameOf(image);
  if (registryHostOf(name) !== defaultRegistry) return name;
  const [first = ''] = name.split('/');
  const path = /[.:]/.test(first) ? name.slice(first.length + 1) : name;
  return path.replace(/^library\//, '');
};

/** Of the digests under which an engine has an image, the one of this image's own repository; null: none is. */
export function ownDigest(image: string, repoDigests: readonly string[]): string | null {
  const wanted = shortNameOf(image);
  const own = repoDigests.find((one) => shortNameOf(one) === wanted);
  return own === undefined ? null : digestOf(own);
}
