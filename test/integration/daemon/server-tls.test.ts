/** HTTPS of the manager: certificates that are replaced while it serves, clients that have to show one, old protocols refused. */

import { copyFile, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeAuthority, type TestAuthority } from '../../../bootstrap/services/test-authority.ts';
import { certificateFiles } from '../../../src/daemon/tls/certificate-files.ts';
import { openOwnAuthority } from '../../../src/daemon/tls/own-authority.ts';
import { type CertificateSource, openServerCertificate } from '../../../src/daemon/tls/server-certificate.ts';
import { silentLogger } from '../../../src/logger.ts';
import { startApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';
import { until } from '../../support/wait.ts';

const test = suite('server tls');
const checkEveryMs = 20;
const dayMs = 24 * 3_600_000;
const clock = { nowMs: () => Date.now() };
let authority: TestAuthority;

test.before.each(async () => {
  authority = await makeAuthority();
});
test.after.each(() => authority.remove());

type Served = { url: URL; errors: string[] };

async function serving(source: CertificateSource, body: (served: Served) => Promise<void>): Promise<void> {
  const errors: string[] = [];
  const logger = { ...silentLogger, error: (_: object, text: string) => void errors.push(text) };
  const tls = await openServerCertificate(source, { logger: logger as typeof silentLogger, checkEveryMs });
  const api = await startApi(await openMemoryLog(), { tls });
  try {
    await body({ url: new URL(api.url), errors });
  } finally {
    await api.close();
    await api.log.close();
    await tls.close();
  }
}

type Handshake = { serial: string; protocol: string | null; status: string };

/** A handshake and one request; what the server's certificate was, and its first line. */
function ask(url: URL, options: ConnectionOptions = {}): Promise<Handshake> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: url.hostname, port: Number(url.port), ca: authority.authority.cert, ...options });
    socket.setTimeout(5_000, () => socket.destroy(new Error('the server is silent')));
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      const { serialNumber: serial = '' } = socket.getPeerX509Certificate() ?? {};
      socket.write(`GET /healthz HTTP/1.1\r\nhost: ${url.host}\r\nconnection: close\r\n\r\n`);
      socket.once('data', (bytes) => {
        const [status = ''] = String(bytes).split('\r\n');
        resolve({ serial, protocol: socket.getProtocol(), status });
        socket.destroy();
      });
      socket.once('close', () => reject(new Error('closed without an answer')));
    });
  });
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'served',
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );

const filesOf = async (name: string, clientCa: string | null = null) =>
  certificateFiles({ ...(await authority.writeServer(name)), clientCa }, { clock });

test('serves https, of TLS 1.2 and 1.3, and nothing older', async () => {
  await serving(await filesOf('server'), async ({ url }) => {
    assert.is(url.protocol, 'https:');
    const { status, protocol } = await ask(url);
    assert.equal([status, protocol], ['HTTP/1.1 200 OK', 'TLSv1.3']);
    assert.is((await ask(url, { maxVersion: 'TLSv1.2' })).protocol, 'TLSv1.2');
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    assert.match(await codeOf(ask(url, old)), /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|ECONNRESET/);
  });
});

test('a certificate that is replaced is served to the next connection, without a restart', async () => {
  await serving(await filesOf('server'), async ({ url }) => {
    const before = (await ask(url)).serial;
    await authority.writeServer('server');
    await until(
      'another certificate is served',
      async () => (await ask(url).catch(() => ({ serial: before }))).serial !== before,
    );
  });
});

test('a pair that does not fit is logged once, and the one in use stays', async () => {
  await serving(await filesOf('server'), async ({ url, errors }) => {
    const before = (await ask(url)).serial;
    const other = await authority.writeServer('other');
    await copyFile(other.key, join(authority.dir, 'server-key.pem'));
    await until('it is logged', () => errors.length > 0);
    assert.match(errors[0]!, /--tls-key: .*server-key\.pem is not the key of the certificate in .*server\.pem/);
    assert.is((await ask(url)).serial, before);
    await copyFile(other.cert, join(authority.dir, 'server.pem'));
    await until('the pair that fits is served', async () => (await ask(url)).serial !== before);
    assert.is(errors.length, 1);
  });
});

test('files that are gone are logged, and the certificate in use stays', async () => {
  await serving(await filesOf('server'), async ({ url, errors }) => {
    await rm(join(authority.dir, 'server.pem'));
    await until('it is logged', () => errors.length > 0);
    assert.match(errors[0]!, /cannot be read: ENOENT/);
    assert.is((await ask(url)).status, 'HTTP/1.1 200 OK');
  });
});

test('with --tls-client-ca a client without a certificate of it is refused', async () => {
  const [client, foreign] = [await authority.writeClient('client'), await makeAuthority()];
  const shown = async ({ cert, key }: { cert: string; key: string }) => ({
    cert: await readFile(cert, 'utf8'),
    key: await readFile(key, 'utf8'),
  });
  await serving(await filesOf('server', authority.ca), async ({ url }) => {
    assert.is((await ask(url, await shown(client))).status, 'HTTP/1.1 200 OK');
    assert.match(await codeOf(ask(url)), /CERTIFICATE_REQUIRED|ECONNRESET/);
    assert.match(
      await codeOf(ask(url, await shown(await foreign.writeClient('x')))),
      /UNKNOWN_CA|DECRYPT_ERROR|closed without an answer/,
    );
  });
  await foreign.remove();
});

test('plain HTTP to the port of HTTPS, and silence, end the connection and nothing else', async () => {
  await serving(await filesOf('server'), async ({ url }) => {
    const plain = await fetch(`http://${url.host}/healthz`).then(
      () => 'answered',
      () => 'ended',
    );
    assert.is(plain, 'ended');
    assert.is((await ask(url)).status, 'HTTP/1.1 200 OK');
  });
});

test('an authority of its own is made once; its certificates are renewed while it serves', async () => {
  let nowMs = Date.now();
  const options = { dataDir: authority.dir, cluster: 'co', names: ['127.0.0.1'], clientCa: null };
  const own = await openOwnAuthority(options, { clock: { nowMs: () => nowMs } });
  const ca = await readFile(own.certPath, 'utf8');
  assert.is((await stat(join(authority.dir, 'tls', 'ca-key.pem'))).mode & 0o777, 0o600);
  await serving(own, async ({ url }) => {
    const { serial, status } = await ask(url, { ca });
    assert.is(status, 'HTTP/1.1 200 OK');
    const version = await own.version();
    nowMs += 59 * dayMs;
    assert.is(await own.version(), version);
    nowMs += 2 * dayMs;
    // It is not valid yet by the clock of this machine.
    const unverified = { rejectUnauthorized: false };
    await until('it is renewed', async () => (await ask(url, unverified)).serial !== serial);
  });
  const again = await openOwnAuthority(options, { clock });
  assert.is(again.fingerprint, own.fingerprint);
});

test.run();
