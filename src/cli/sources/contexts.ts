/** The clusters that a person works with, by name: one file of theirs, in which `up` notes the cluster it starts. */

import { readFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../../errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** How one cluster is reached. Files are named by their whole path. */
export type ClusterContext = { url: string; ca?: string; tokenFile?: string };

export type Contexts = {
  /** What is used when nothing else says which; null: none. */
  current: string | null;
  contexts: Record<string, ClusterContext>;
};

const none: Contexts = { current: null, contexts: {} };

/** null: there is no place for it. */
export function contextsPath({ CO_CONTEXTS: given, XDG_CONFIG_HOME: config, HOME: home }: Environment): string | null {
  if (given) return given;
  const folder = config || (home ? join(home, '.config') : null);
  return folder === null ? null : join(folder, 'coctl', 'contexts.json');
}

/** Read at once: it is needed before anything else is. @throws AppError `contexts_unreadable` naming the file */
export function readContexts(environment: Environment): Contexts {
  const path = contextsPath(environment);
  if (path === null) return none;
  try {
    return checked(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return none;
    throw new AppError('contexts_unreadable', `${path} is not a file of contexts: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function checked(value: unknown): Contexts {
  const { current, contexts } = value as Contexts;
  const isOne = (context: unknown) => typeof (context as ClusterContext | null)?.url === 'string';
  if (typeof contexts !== 'object' || contexts === null || !Object.values(contexts).every(isOne)) {
    throw new Error('contexts have a url each');
  }
  return { current: typeof current === 'string' && Object.hasOwn(contexts, current) ? current : null, contexts };
}

/** Whole or not at all; for its owner alone, for it names files of tokens. @throws of the system · `usage_invalid` */
export async function changeContexts(
  environment: Environment,
  change: (contexts: Contexts) => Contexts,
): Promise<Contexts> {
  const path = contextsPath(environment);
  if (path === null)
    throw new AppError('usage_invalid', 'contexts need a file: set CO_CONTEXTS, XDG_CONFIG_HOME or HOME');
  const changed = change(readContexts(environment));
  await mkdir(dirname(path), { recursive: true });
  const written = `${path}.${process.pid}`;
  await writeFile(written, `${JSON.stringify(changed, null, 2)}\n`, { mode: 0o600 });
  await rename(written, path);
  return changed;
}

/** The name under which `up` notes its cluster. */
export const localName = 'local';

/** It becomes the current one where there is no other: a person who works elsewhere goes on to. */
export const noteLocal = (environment: Environment, context: ClusterContext): Promise<Contexts> =>
  changeContexts(environment, ({ current, contexts }) => ({
    current: current ?? localName,
    contexts: { ...contexts, [localName]: context },
  }));

/** Unless another cluster is noted by now. */
export const forgetLocal = (environment: Environment, { url }: Pick<ClusterContext, 'url'>): Promise<Contexts> =>
  changeContexts(environment, (before) =>
    before.contexts[localName]?.url === url ? without(before, localName) : before,
  );

export function without({ current, contexts }: Contexts, name: string): Contexts {
  const { [name]: _gone, ...rest } = contexts;
  return { current: current === name ? null : current, contexts: rest };
}
