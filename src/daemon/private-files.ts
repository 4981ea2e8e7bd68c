/** Keeps the files of a cluster from other users of the machine: the log has the environment of every container. */

import { chmod, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from './config.ts';

const othersMask = 0o077;
const folderMode = 0o700;
const fileMode = 0o600;

/**
 * The data folder and its files become the owner's alone, where an earlier version or another umask left them open.
 * @returns a sentence for operators; null when nothing was open, or there is no such folder
 */
export async function tightenFolder(dir: string): Promise<string | null> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => null);
  if (!entries) return null;
  let files = 0;
  for (const entry of entries) {
    if (!entry.isFile() && !entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    if (await tighten(path, entry.isDirectory() ? folderMode : fileMode)) files += 1;
  }
  const isTightened = await tighten(dir, folderMode);
  if (!isTightened && files === 0) return null;
  return `${dir} could be read by other users of this machine: closed to them, with ${files} entries in it`;
}

/** What is gone by now, or another user's, stays as it is. */
async function tighten(path: string, mode: number): Promise<boolean> {
  if (!(await isOpenToOthers(path))) return false;
  return chmod(path, mode).then(
    () => true,
    () => false,
  );
}

type Secrets = Pick<Config, 'tokensPath' | 'secretsDir' | 'secretsKeyPath' | 'tls' | 'amqpTls' | 'dockerCertPath'>;

/** Tokens, keys and secrets that other users of the machine can read: a sentence each, with the command that mends it. */
export async function findOpenSecrets(config: Secrets): Promise<string[]> {
  const { tokensPath, secretsDir } = config;
  const found: string[] = [];
  if (tokensPath !== null && (await isOpenToOthers(tokensPath))) {
    found.push(`the tokens in ${tokensPath} can be read by other users of this machine: chmod 600 ${tokensPath}`);
  }
  if (secretsDir !== null && (await isOpenToOthers(secretsDir))) {
    found.push(`the secrets in ${secretsDir} can be read by other users of this machine: chmod -R go= ${secretsDir}`);
  }
  for (const path of keysOf(config)) {
    if (await isOpenToOthers(path)) {
      found.push(`the key in ${path} can be read by other users of this machine: chmod 600 ${path}`);
    }
  }
  return found;
}

function keysOf({ tls, amqpTls, dockerCertPath, secretsKeyPath }: Secrets): string[] {
  const paths = [
    tls?.kind === 'files' ? tls.key : null,
    amqpTls.key,
    secretsKeyPath,
    dockerCertPath && join(dockerCertPath, 'key.pem'),
  ];
  return paths.filter((path) => path !== null);
}

async function isOpenToOthers(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return found !== null && (found.mode & othersMask) !== 0;
}
