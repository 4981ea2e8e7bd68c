/** Authorities and certificates of tests and their servers, in files as operators have them. */

// Before the package below, which registers its types through it.
import 'reflect-metadata';
import { createPrivateKey, KeyObject, webcrypto, X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { createAuthority, issueServerCertificate } from '../../src/daemon/tls/issue.ts';
import { fingerprintOf, type KeyPair } from '../../src/tls/certificate.ts';

export type TestAuthority = {
  dir: string;
  authority: KeyPair;
  /** Of ca.pem. */
  ca: string;
  fingerprint: string;
  /** Writes `<name>.pem` and `<name>-key.pem`, of 127.0.0.1 and localhost unless it is given names. */
  writeServer(name: string, options?: { names?: string[]; nowMs?: number }): Promise<{ cert: string; key: string }>;
  writeClient(name: string): Promise<{ cert: string; key: string }>;
  remove(): Promise<void>;
};

/** @param into an existing folder; default: one of its own */
export async function makeAuthority(into?: string): Promise<TestAuthority> {
  const dir = into ?? (await mkdtemp(join(tmpdir(), 'co-tls-')));
  const authority = await createAuthority('test', Date.now());
  const ca = join(dir, 'ca.pem');
  await writeFile(ca, authority.cert);
  const write = async (name: string, pair: KeyPair) => {
    const paths = { cert: join(dir, `${name}.pem`), key: join(dir, `${name}-key.pem`) };
    await writeFile(paths.cert, pair.cert);
    await writeFile(paths.key, pair.key, { mode: 0o600 });
    return paths;
  };
  return {
    dir,
    authority,
    ca,
    fingerprint: fingerprintOf(new X509Certificate(authority.cert)),
    writeServer: async (name, { names = ['127.0.0.1', 'localhost'], nowMs = Date.now() } = {}) =>
      write(name, await issueServerCertificate(authority, names, nowMs)),
    writeClient: async (name) => write(name, await issueClient(authority, name)),
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

async function issueClient(authority: KeyPair, name: string): Promise<KeyPair> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: new x509.X509Certificate(authority.cert).subject,
    notBefore: new Date(Date.now() - 3_600_000),
    notAfter: new Date(Date.now() + 3_600_000),
    publicKey: keys.publicKey,
    signingKey: createPrivateKey(authority.key).toCryptoKey(algorithm, false, ['sign']),
    signingAlgorithm: algorithm,
    extensions: [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])],
  });
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }) as string;
  return { cert: `${certificate.toString('pem')}\n`, key };
}
