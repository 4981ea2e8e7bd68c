/** Says in words why a connection over TLS did not come about, and what to do. Pure. */

import { errorMessage } from '../errors.ts';

const untrusted = 'its certificate is signed by an authority that is not trusted here';

/** By the code of Node.js. */
const sentences: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: one of the two clocks is wrong',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS there: an http:// or another port may be meant',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS there: an http:// or another port may be meant',
  UND_ERR_SOCKET: 'it closed the connection',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it asks for a certificate of ours',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it does not trust the certificate we show',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'it refuses the certificate we show',
};

/** Whether an authority would have to be named for the connection. */
export const isUntrusted = (error: unknown): boolean => sentences[codeOf(error) ?? ''] === untrusted;

/** @param error of a socket, or of `fetch`, which hides what happened one level down */
export function describeTlsError(error: unknown): string {
  const code = codeOf(error);
  const { cause } = error as { cause?: unknown };
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const { reason } = (hasReason(cause) ? cause : error) as { reason?: string };
    return `its certificate is for other names${reason ? `: ${reason}` : ''}`;
  }
  return sentences[code ?? ''] ?? code ?? errorMessage(cause instanceof Error ? cause : error);
}

/** Whether a server may have ended the connection because it was shown no certificate: TLS 1.3 has no other sign of it. */
export const isClosed = (error: unknown): boolean =>
  ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'].includes(codeOf(error) ?? '');

const hasReason = (value: unknown) => typeof value === 'object' && value !== null && 'reason' in value;

function codeOf(error: unknown): string | undefined {
  const { code, cause } = error as { code?: string; cause?: { code?: string } };
  return cause?.code ?? code;
}
