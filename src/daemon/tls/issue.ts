/** Makes certificates: that of an authority, and those it signs for a server. Touches no file. */

// The package below registers its types through it.
import 'reflect-metadata';
import { createPrivateKey, KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import type { KeyPair } from '../../tls/certificate.ts';

const dayMs = 24 * 3_600_000;
/** Agents and people hold on to it: replacing it means going to each of them. */
const authorityDays = 3_650;
/** Short, for it is replaced by itself. */
export const serverDays = 90;
/** Clocks of a cluster differ. */
const backdatedMs = 3_600_000;

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** @param cluster its name, for people who look at the certificate */
export async function createAuthority(cluster: string, nowMs: number): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      ...validity(nowMs, authorityDays),
      // Two authorities of one name would be taken for each other.
      name: `CN=container-orchestrator ${cluster} ${randomBytes(4).toString('hex')}`,
      serialNumber: randomSerial(),
      keys,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    },
    webcrypto,
  );
  return { cert: `${certificate.toString('pem')}\n`, key: pemOf(keys.privateKey) };
}

/**
 * @param names host names and addresses, at least one
 * @returns the certificate with its authority's behind it, as a server sends them
 */
export async function issueServerCertificate(
  authority: KeyPair,
  names: readonly string[],
  nowMs: number,
): Promise<KeyPair> {
  const issuer = new x509.X509Certificate(authority.cert);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create(
    {
      ...validity(nowMs, serverDays),
      subject: [{ CN: [names[0]!] }],
      issuer: issuer.subject,
      serialNumber: randomSerial(),
      publicKey: keys.publicKey,
      signingKey: importKey(authority.key),
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension(
          names.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
        ),
        await x509.AuthorityKeyIdentifierExtension.create(issuer, false),
      ],
    },
    webcrypto,
  );
  return { cert: `${certificate.toString('pem')}\n${authority.cert}`, key: pemOf(keys.privateKey) };
}

const validity = (nowMs: number, days: number) => ({
  notBefore: new Date(nowMs - backdatedMs),
  notAfter: new Date(nowMs + days * dayMs),
});

/** 127 bits: positive, and not zero. */
function randomSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}

const importKey = (pem: string) => createPrivateKey(pem).toCryptoKey(algorithm, false, ['sign']);

const pemOf = (key: webcrypto.CryptoKey) => KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }) as string;
