/** Asks a server for its chain and takes from it the one certificate whose fingerprint is known. Sends it nothing. */

import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { AppError } from '../errors.ts';
import { fingerprintOf } from './certificate.ts';
import { describeTlsError } from './tls-error.ts';

const handshakeDeadlineMs = 10_000;
/** A chain is a few certificates long; one that leads back to itself ends here. */
const chainLengthMax = 10;

type Options = { cert?: string; key?: string; signal: AbortSignal };

/**
 * @returns PEM of the certificate, to be trusted as an authority
 * @throws AppError `pin_mismatch` · `tls_unreachable` (retryable)
 */
export async function fetchPinnedAuthority(url: URL, fingerprint: string, options: Options): Promise<string> {
  const chain = await readChain(url, options);
  const pinned = chain.find((certificate) => fingerprintOf(certificate) === fingerprint);
  if (pinned) return pinned.toString();
  const [root] = chain.slice(-1);
  const shown = root ? `its chain ends at ${fingerprintOf(root)}` : 'it sends no certificate';
  throw new AppError('pin_mismatch', `${url.host} does not have the certificate ${fingerprint}: ${shown}`);
}

/** The server's certificate first. */
async function readChain(url: URL, { signal, ...own }: Options): Promise<X509Certificate[]> {
  const socket = openUnverified(url, own);
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(handshakeDeadlineMs)]);
  const { promise: secured, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(deadline.reason);
  socket.once('secureConnect', resolve);
  socket.once('error', reject);
  deadline.addEventListener('abort', onAbort);
  try {
    deadline.throwIfAborted();
    await secured;
    return chainOf(socket);
  } catch (error) {
    if (signal.aborted) throw error;
    const message = `no TLS at ${url.host}: ${describeTlsError(error)}`;
    throw new AppError('tls_unreachable', message, { retryable: true, cause: error });
  } finally {
    deadline.removeEventListener('abort', onAbort);
    socket.on('error', () => {});
    socket.destroy();
  }
}

/** Any server may answer: nothing is sent, and of what it sends only what has the fingerprint is used. */
function openUnverified(url: URL, own: { cert?: string; key?: string }): TLSSocket {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port || 443);
  return connect({ ...own, host, port, rejectUnauthorized: false, ...(isIP(host) ? {} : { servername: host }) });
}

function chainOf(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let next = socket.getPeerX509Certificate();
  while (next && chain.length < chainLengthMax) {
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain;
}
