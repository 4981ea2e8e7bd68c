/** Certificate and key from files, and the authorities of clients: what `--tls-cert`, `--tls-key` and `--tls-client-ca` name. */

import { stat } from 'node:fs/promises';
import type { Clock } from '../../clock.ts';
import { readAuthorities, readKeyPair } from '../../tls/certificate.ts';
import type { CertificateSource } from './server-certificate.ts';

const options = { cert: '--tls-cert', key: '--tls-key', clientCa: '--tls-client-ca' };

export function certificateFiles(
  { cert, key, clientCa }: { cert: string; key: string; clientCa: string | null },
  { clock }: { clock: Pick<Clock, 'nowMs'> },
): CertificateSource {
  return {
    version: () => versionOf(clientCa === null ? [cert, key] : [cert, key, clientCa]),
    async load() {
      const pair = await readKeyPair({ cert, key, options }, clock.nowMs());
      return { ...pair, clientCa: await readClientAuthorities(clientCa) };
    },
  };
}

export const readClientAuthorities = async (path: string | null): Promise<string | null> =>
  path === null ? null : readAuthorities(path, options.clientCa);

/** Changes with each file that is written, replaced or linked to another. A file that is missing has a version, too. */
export async function versionOf(paths: readonly string[]): Promise<string> {
  const found = await Promise.all(paths.map((path) => stat(path, { bigint: true }).catch(() => null)));
  return found.map((file) => (file ? `${file.ino} ${file.size} ${file.mtimeNs}` : 'missing')).join(', ');
}
