/** What a client needs for TLS beside an address: which authorities it trusts, and the certificate it shows. */

import { isFingerprint, readAuthorities, readKeyPair } from './certificate.ts';
import { refuse } from './pem-file.ts';
import { fetchPinnedAuthority } from './pinned-authority.ts';

/** Paths; null: the authorities that Node.js knows, and no certificate. `ca` may be a fingerprint where that is said. */
export type ClientTlsFiles = { ca: string | null; cert: string | null; key: string | null };

/** PEM, in the form every client of ours takes. A member that is missing is the default. */
export type ClientTls = { ca?: string; cert?: string; key?: string };

/** Reads them from where they are. @throws AppError `config_invalid` */
export type ReadClientTls = () => Promise<ClientTls>;

/** The options the files were given by, for refusals. */
export type ClientTlsOptions = { ca: string; cert: string; key: string };

/** @throws AppError `config_invalid` */
export async function readClientTls(
  files: ClientTlsFiles,
  options: ClientTlsOptions,
  nowMs: number,
): Promise<ClientTls> {
  const { ca, cert, key } = files;
  if ((cert === null) !== (key === null)) {
    throw refuse(`${options.cert} and ${options.key}`, 'go together: a certificate and its key');
  }
  return {
    ...(ca === null ? {} : { ca: await readAuthorities(ca, options.ca) }),
    ...(cert === null || key === null ? {} : await readKeyPair({ cert, key, options }, nowMs)),
  };
}

/**
 * As `readClientTls`, where `ca` may be a fingerprint: the server then has to send the certificate that has it.
 * @throws AppError `config_invalid` · `pin_mismatch` · `tls_unreachable`
 */
export async function readPinnedTls(
  files: ClientTlsFiles,
  options: ClientTlsOptions,
  { url, nowMs, signal }: { url: URL; nowMs: number; signal: AbortSignal },
): Promise<ClientTls> {
  const { ca } = files;
  if (ca === null || !isFingerprint(ca)) return readClientTls(files, options, nowMs);
  const rest = await readClientTls({ ...files, ca: null }, options, nowMs);
  return { ...rest, ca: await fetchPinnedAuthority(url, ca, { ...rest, signal }) };
}
