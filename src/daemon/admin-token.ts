/**
 * The first admin token of a cluster that other machines can reach. It is written to a file of its manager's before it is in the
 * log, so that it cannot be valid and unknown.
 */

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError, errorMessage, hasCode } from '../errors.ts';
import type { EventLog } from '../events/log/event-log.ts';
import { isLoopback } from '../http/request/origin.ts';
import { createTokenSecret } from '../http/request/token-secret.ts';
import type { Projector } from '../projections/live/projector.ts';
import type { ClusterView } from '../projections/view/cluster-view.ts';
import { parseIsoTime } from '../projections/view/iso-time.ts';
import { decideToken, type TokenRequest } from '../reconciler/commands/decide-token.ts';
import type { Config } from './config.ts';

export const adminTokenFile = 'admin-token';

type Deps = { log: Pick<EventLog, 'append'>; projector: Pick<Projector, 'view' | 'waitFor'> };

/**
 * Issues it where every caller needs a token and none could issue any: no file of tokens, no valid admin token in the log.
 * @returns the file's path; null when there was no need, or another manager was first
 * @throws AppError `config_invalid`: the file cannot be written · of the append
 */
export async function ensureAdminToken(
  { log, projector }: Deps,
  { host, tokens, dataDir }: Pick<Config, 'host' | 'tokens' | 'dataDir'>,
  actor: string,
): Promise<string | null> {
  if (isLoopback(host) || tokens.length > 0 || hasAdmin(projector.view)) return null;
  const { id, text, hash } = createTokenSecret();
  const path = join(dataDir, adminTokenFile);
  await writePrivately(path, `${text}\n`);
  const token = { token: id, name: 'admin', scopes: ['admin', 'secrets'] as const, expiresAt: null, hash };
  const isIssued = await issueFirst({ log, projector }, { kind: 'issue token', ...token }, actor);
  if (isIssued) return path;
  await rm(path, { force: true });
  return null;
}

/** @returns whether it is the first: another manager may have been quicker */
async function issueFirst({ log, projector }: Deps, request: TokenRequest, actor: string): Promise<boolean> {
  const { view } = projector;
  if (hasAdmin(view)) return false;
  const { events, expect } = decideToken(view, request, { actor, requestId: `start of ${actor}` });
  try {
    const { last } = await log.append(events, { expect });
    await projector.waitFor(last);
    return true;
  } catch (error) {
    if (hasCode(error, 'expectation_failed')) return false;
    throw error;
  }
}

const hasAdmin = ({ tokens, at }: ClusterView) =>
  [...tokens.values()].some(
    ({ scopes, expiresAt }) =>
      scopes.includes('admin') && (expiresAt === null || parseIsoTime(expiresAt) > parseIsoTime(at)),
  );

async function writePrivately(path: string, content: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await rm(path, { force: true });
    await writeFile(path, content, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const why = `the first admin token cannot be written to ${path}: ${errorMessage(error)}`;
    throw new AppError('config_invalid', `${why}; give --data a folder to write to, or --tokens`, { cause: error });
  }
}
