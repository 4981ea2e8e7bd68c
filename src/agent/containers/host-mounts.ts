/**
 * Checks what a container would use of the machine against what its owner allows: here for the last time, whatever a manager
 * has decided. Symbolic links are followed where the agent sees the folder: in another's file system, as that of an agent
 * in a container may be, only the path itself can be checked.
 */

import { AppError } from '../../errors.ts';
import type { ContainerOptions } from '../../model/container-options.ts';
import { bindNotAllowed, deviceNotAllowed, type HostAccess } from '../../model/host-access.ts';
import { isWithin } from '../../model/host-paths.ts';
import type { ContainerSpec } from '../../model/service.ts';
import { runApart } from './run-apart.ts';

/** As with secrets: a container whose folder does not answer has failed within 5 s. */
const resolveDeadlineMs = 4_000;

/**
 * @returns the spec, its sources without symbolic links, so that none can be put there between this and the mount
 * @throws AppError `host_access_refused`, naming the path
 */
export async function resolveHostMounts(spec: ContainerSpec, access: HostAccess): Promise<ContainerSpec> {
  const device = deviceNotAllowed(access, spec);
  if (device !== undefined) throw refuse(`the device ${device} is not allowed on this node (CO_ALLOW_DEVICE)`);
  const source = bindNotAllowed(access, spec);
  if (source !== undefined) throw refuse(`the folder ${source} may not be bound on this node (CO_ALLOW_BIND)`);
  if (!spec.binds) return spec;
  return { ...spec, binds: await resolveBinds(spec.binds, access.binds) };
}

type Binds = NonNullable<ContainerOptions['binds']>;

async function resolveBinds(binds: Binds, allowed: readonly string[]): Promise<Binds> {
  const sources = binds.map(({ source }) => source);
  const resolved = await resolvePaths([...sources, ...allowed]);
  const folders = allowed.map((folder) => resolved.get(folder)!.path);
  return binds.map((bind) => {
    const { source } = bind;
    const { path, isThere } = resolved.get(source)!;
    if (path === null || !folders.some((folder) => folder !== null && isWithin(path, folder))) {
      const target = path === null ? 'nothing that is there' : path;
      throw refuse(`the folder ${source} may not be bound on this node: it is a link to ${target}`);
    }
    // What is not there may be elsewhere than the agent can see: the engine says so if it is nowhere.
    return { ...bind, source: isThere ? path : source };
  });
}

/** Of each argument: what of it is not there, then where the rest really is, each ended by NUL. `?`: a link to nothing. */
const script = `for path in "$@"; do
  missing=
  while [ ! -e "$path" ] && [ "$path" != / ]; do
    if [ -L "$path" ]; then missing='?'; break; fi
    missing="/\${path##*/}$missing"
    path=\${path%/*}
    [ -n "$path" ] || path=/
  done
  if [ "$missing" = '?' ]; then printf '?\\0\\0'; else printf '%s\\0%s\\0' "$missing" "$(readlink -f "$path")"; fi
done`;

/** `path` null: a link to nothing. `isThere`: all of it, as far as the agent can see. */
type Resolved = { path: string | null; isThere: boolean };

/** @throws AppError `host_access_refused`: one does not answer */
async function resolvePaths(paths: readonly string[]): Promise<ReadonlyMap<string, Resolved>> {
  const run = await runApart(script, paths, resolveDeadlineMs);
  if (run.kind === 'hung') throw refuse(`a folder to bind did not answer within ${resolveDeadlineMs / 1_000} s`);
  const words = run.output.toString('utf8').split('\0');
  if (run.code !== 0 || words.length !== 2 * paths.length + 1) throw refuse('the folders to bind could not be checked');
  return new Map(paths.map((path, index) => [path, toResolved(words[2 * index]!, words[2 * index + 1]!)]));
}

function toResolved(missing: string, real: string): Resolved {
  if (missing === '?' || real === '') return { path: null, isThere: false };
  return { path: `${real === '/' && missing !== '' ? '' : real}${missing}`, isThere: missing === '' };
}

const refuse = (message: string) => new AppError('host_access_refused', message);
