/**
 * The manager's own authority: `ca.pem` and `ca-key.pem` in the folder `tls` of its data. It is made when there is none; other
 * managers of the cluster are given copies of both. The server's key is in memory only.
 */

import { access, mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../clock.ts';
import { AppError, errorMessage } from '../../errors.ts';
import { fingerprintOf, type KeyPair, parseCertificate, readKeyPair } from '../../tls/certificate.ts';
import { refuse } from '../../tls/pem-file.ts';
import { readClientAuthorities, versionOf } from './certificate-files.ts';
import type { CertificateSource } from './server-certificate.ts';

/** In the data folder. */
export const authorityFolder = 'tls';

export type OwnAuthority = CertificateSource & { certPath: string; fingerprint: string };

type Options = {
  dataDir: string;
  cluster: string;
  /** Host names and addresses of the manager. */
  names: readonly string[];
  clientCa: string | null;
};

type Deps = { clock: Pick<Clock, 'nowMs'> };

/** A new certificate comes into use when a third of its time is left. */
const renewedBefore = 1 / 3;

/** @throws AppError `config_invalid`: the files cannot be read, made or used, or other users can read the key */
export async function openOwnAuthority(options: Options, { clock }: Deps): Promise<OwnAuthority> {
  const { dataDir, cluster, names, clientCa } = options;
  const cert = join(dataDir, authorityFolder, 'ca.pem');
  const key = join(dataDir, authorityFolder, 'ca-key.pem');
  const { createAuthority, issueServerCertificate, serverDays } = await import('./issue.ts');
  if (!(await isThere(cert, key))) await writeAuthority({ cert, key }, await createAuthority(cluster, clock.nowMs()));
  await refuseOpenKey(key);
  const authority = await readKeyPair({ cert, key, options: { cert: '--tls auto', key: '--tls auto' } }, clock.nowMs());
  const periodMs = serverDays * (1 - renewedBefore) * 24 * 3_600_000;
  let renewAtMs = clock.nowMs();
  let issued = 0;
  return {
    certPath: cert,
    fingerprint: fingerprintOf(parseCertificate(authority.cert, cert)),
    async version() {
      const isDue = clock.nowMs() >= renewAtMs;
      return `${isDue ? issued + 1 : issued} ${clientCa === null ? '' : await versionOf([clientCa])}`;
    },
    async load() {
      const clientAuthorities = await readClientAuthorities(clientCa);
      const nowMs = clock.nowMs();
      const pair = await issueServerCertificate(authority, names, nowMs);
      if (nowMs >= renewAtMs) [issued, renewAtMs] = [issued + 1, nowMs + periodMs];
      return { ...pair, clientCa: clientAuthorities };
    },
  };
}

/** @throws AppError `config_invalid`: one of the two is */
async function isThere(cert: string, key: string): Promise<boolean> {
  const [hasCert, hasKey] = await Promise.all([cert, key].map((path) => access(path).then(yes, no)));
  if (hasCert && !hasKey) {
    throw refuse('--tls auto', `${key} is missing: copy it here, or remove ${cert} for another authority`);
  }
  // Without its certificate the key was never used.
  return hasCert === true;
}

const yes = () => true;
const no = () => false;

/** The key first: a start that ends between the two leaves a key that no certificate was seen of. */
async function writeAuthority(paths: { cert: string; key: string }, { cert, key }: KeyPair): Promise<void> {
  try {
    await mkdir(join(paths.cert, '..'), { recursive: true, mode: 0o700 });
    await writePrivately(paths.key, key);
    await writePrivately(paths.cert, cert);
  } catch (error) {
    const why = `the authority cannot be written to ${paths.cert}: ${errorMessage(error)}`;
    throw new AppError('config_invalid', `--tls auto: ${why}; give --data a folder to write to`, { cause: error });
  }
}

async function writePrivately(path: string, content: string): Promise<void> {
  const draft = `${path}.new`;
  await rm(draft, { force: true });
  await writeFile(draft, content, { mode: 0o600, flag: 'wx', flush: true });
  await rename(draft, path);
}

async function refuseOpenKey(path: string): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (found && (found.mode & 0o077) !== 0) {
    throw refuse('--tls auto', `${path} can be read by other users of this machine: chmod 600 ${path}`);
  }
}
