/** What the options of TLS mean, and which of them go together. Pure. */

import { isIP } from 'node:net';
import { refuse } from '../../tls/pem-file.ts';

/** `clientCa` null: clients need no certificate. */
export type TlsConfig =
  | { kind: 'auto'; names: readonly string[]; clientCa: string | null }
  | { kind: 'files'; cert: string; key: string; clientCa: string | null };

export type TlsOptionName = 'tls' | 'tls-cert' | 'tls-key' | 'tls-client-ca' | 'tls-names';

/** @param option its value, null when it is not given @param nameOf as the user gave it @throws AppError `config_invalid` */
export function readTlsConfig(
  option: (name: TlsOptionName) => string | null,
  nameOf: (name: TlsOptionName) => string,
): TlsConfig | null {
  const kind = option('tls');
  const [cert, key, clientCa, names] = [
    option('tls-cert'),
    option('tls-key'),
    option('tls-client-ca'),
    option('tls-names'),
  ];
  if (kind !== null && kind !== 'auto' && kind !== 'off') throw refuse(nameOf('tls'), 'must be off or auto');
  if (names !== null && kind !== 'auto') throw refuse(nameOf('tls-names'), 'goes with --tls auto');
  if ((cert === null) !== (key === null)) {
    throw refuse(nameOf(cert === null ? 'tls-cert' : 'tls-key'), '--tls-cert and --tls-key go together');
  }
  if (kind === 'auto') {
    if (cert !== null)
      throw refuse(nameOf('tls'), 'auto makes a certificate, and --tls-cert names one: give one of them');
    return { kind, names: parseNames(names, nameOf('tls-names')), clientCa };
  }
  if (cert !== null && key !== null) return { kind: 'files', cert, key, clientCa };
  if (clientCa !== null) throw refuse(nameOf('tls-client-ca'), 'goes with --tls-cert or --tls auto');
  return null;
}

const hostName = /^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;

function parseNames(text: string | null, option: string): string[] {
  const names = text === null ? [] : text.split(',').map((name) => name.trim());
  const wrong = names.find((name) => isIP(name) === 0 && (!hostName.test(name) || name.length > 253));
  if (wrong === undefined) return names;
  throw refuse(option, `${JSON.stringify(wrong.slice(0, 80))} is no host name and no address`);
}
