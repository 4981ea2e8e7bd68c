/** Checks certificates and keys before they are used, so that a refusal names the file and the rule. */

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { errorMessage } from '../errors.ts';
import { readPemFile, refuse } from './pem-file.ts';

/** PEM. */
export type KeyPair = { cert: string; key: string };

type PairFiles = {
  cert: string;
  key: string;
  /** The options they were given by, for refusals. */
  options: { cert: string; key: string };
};

/** @throws AppError `config_invalid`: one cannot be read, the key is not the certificate's, it has expired or is not valid yet */
export async function readKeyPair({ cert, key, options }: PairFiles, nowMs: number): Promise<KeyPair> {
  const [certText, keyText] = await Promise.all([readPemFile(cert, options.cert), readPemFile(key, options.key)]);
  const certificate = parseCertificate(certText, `${options.cert}: ${cert}`);
  const privateKey = parseKey(keyText, options.key, key);
  if (!certificate.checkPrivateKey(privateKey)) {
    throw refuse(options.key, `${key} is not the key of the certificate in ${cert}`);
  }
  refuseOutOfDate(certificate, options.cert, cert, nowMs);
  refuseUnusable({ cert: certText, key: keyText }, options.cert, cert);
  return { cert: certText, key: keyText };
}

/** The certificates of authorities. @throws AppError `config_invalid` */
export async function readAuthorities(path: string, option: string): Promise<string> {
  const text = await readPemFile(path, option);
  for (const pem of certificatesOf(text, `${option}: ${path}`)) parseCertificate(pem, `${option}: ${path}`);
  return text;
}

const certificatePattern = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** @throws AppError `config_invalid`: there is none */
function certificatesOf(text: string, where: string): string[] {
  const found = text.match(certificatePattern);
  if (!found) throw refuse(where, 'holds no certificate');
  return found;
}

/** The first of a chain. @throws AppError `config_invalid` */
export function parseCertificate(text: string, where: string): X509Certificate {
  const [first = ''] = certificatesOf(text, where);
  try {
    return new X509Certificate(first);
  } catch (error) {
    throw refuse(where, `the certificate cannot be read: ${errorMessage(error)}`, error);
  }
}

function parseKey(text: string, option: string, path: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (error) {
    const { code } = error as { code?: string };
    const why =
      code === 'ERR_MISSING_PASSPHRASE' ? 'has a passphrase, and there is no way to give it' : 'holds no private key';
    throw refuse(option, `${path} ${why}`, error);
  }
}

function refuseOutOfDate(certificate: X509Certificate, option: string, path: string, nowMs: number): void {
  const { validFrom, validTo } = certificate;
  if (Date.parse(validTo) <= nowMs)
    throw refuse(option, `the certificate in ${path} has expired, on ${isoOf(validTo)}`);
  if (Date.parse(validFrom) > nowMs)
    throw refuse(option, `the certificate in ${path} is not valid before ${isoOf(validFrom)}`);
}

/** A chain with something else in it, or a key that is too short for today. */
function refuseUnusable(pair: KeyPair, option: string, path: string): void {
  try {
    createSecureContext(pair);
  } catch (error) {
    throw refuse(option, `the certificate in ${path} cannot be used: ${errorMessage(error)}`, error);
  }
}

const isoOf = (time: string) => new Date(time).toISOString();

const fingerprintPattern = /^sha256:[0-9a-f]{64}$/;

/** Whether a value is a fingerprint as `fingerprintOf` writes it, not the path of a file. */
export const isFingerprint = (text: string): boolean => fingerprintPattern.test(text);

/** Of an authority as it is given: by the path of its file, or by the fingerprint. @throws AppError `config_invalid` */
export const fingerprintOfAuthority = async (ca: string, option: string): Promise<string> =>
  isFingerprint(ca) ? ca : fingerprintOf(parseCertificate(await readPemFile(ca, option), `${option}: ${ca}`));

/** SHA-256 of the certificate as it is sent: `sha256:` and 64 hexadecimal digits. */
export const fingerprintOf = ({ fingerprint256 }: Pick<X509Certificate, 'fingerprint256'>): string =>
  `sha256:${fingerprint256.replaceAll(':', '').toLowerCase()}`;
