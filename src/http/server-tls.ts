/** TLS of the HTTP server: its certificate, replaced while it serves, and what clients have to show. */

import type { ServerOptions, Server as TlsServer } from 'node:https';

/** PEM. `clientCa` null: clients need no certificate. */
export type ServerCertificate = { cert: string; key: string; clientCa: string | null };

/** Where the certificate comes from. Whether clients need one of their own does not change while it serves. */
export type ServerTls = {
  current(): ServerCertificate;
  /** One listener: called with each certificate that replaces the current one. */
  onChange(listener: (certificate: ServerCertificate) => void): void;
};

const minVersion = 'TLSv1.2';
/** As long as the headers of a request may take: a connection that stays silent ends. */
const handshakeTimeoutMs = 5_000;

/** Pure. */
export function tlsServerOptions(certificate: ServerCertificate): ServerOptions {
  const isRequired = certificate.clientCa !== null;
  return {
    ...secureContextOf(certificate),
    handshakeTimeout: handshakeTimeoutMs,
    requestCert: isRequired,
    rejectUnauthorized: isRequired,
  };
}

/** Connections that are open keep the certificate they began with. */
export function followCertificate(server: unknown, tls: ServerTls): void {
  tls.onChange((certificate) => (server as TlsServer).setSecureContext(secureContextOf(certificate)));
}

const secureContextOf = ({ cert, key, clientCa }: ServerCertificate) =>
  ({
    cert,
    key,
    minVersion,
    ...(clientCa === null ? {} : { ca: clientCa }),
  }) as const;
