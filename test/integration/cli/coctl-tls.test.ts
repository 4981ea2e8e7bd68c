/** `coctl` over HTTPS: an authority by file or by fingerprint, a certificate to show, and what to do when one is missing. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeAuthority, type TestAuthority } from '../../../bootstrap/services/test-authority.ts';
import { certificateFiles } from '../../../src/daemon/tls/certificate-files.ts';
import { openServerCertificate, type ServerCertificates } from '../../../src/daemon/tls/server-certificate.ts';
import { silentLogger } from '../../../src/logger.ts';
import { coctl } from '../../support/cluster/cli.ts';
import { startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';

const test = suite('coctl tls');
const clock = { nowMs: () => Date.now() };
let authority: TestAuthority;
let tls: ServerCertificates;
let api: TestApi;

async function serve(clientCa: string | null, names?: string[]): Promise<void> {
  const pair = await authority.writeServer('server', names ? { names } : {});
  tls = await openServerCertificate(certificateFiles({ ...pair, clientCa }, { clock }), { logger: silentLogger });
  api = await startApi(await openMemoryLog(), { tls });
}

test.before.each(async () => {
  authority = await makeAuthority();
});
test.after.each(async () => {
  await api.close();
  await api.log.close();
  await tls.close();
  await authority.remove();
});

const state = (environment: Record<string, string> = {}, args: string[] = []) =>
  coctl(['state', '--json', ...args], { environment: { CO_URL: api.url, ...environment } });

test('trusts an authority by its file', async () => {
  await serve(null);
  assert.is((await state({ CO_CA: authority.ca })).code, 0);
  assert.is((await state({}, ['--ca', authority.ca])).json().cluster.name, 'test');
});

test('trusts an authority by its fingerprint, and no other', async () => {
  await serve(null);
  const { code, err } = await state({ CO_CA: authority.fingerprint });
  assert.is(code, 0, err);
  const other = await state({ CO_CA: `sha256:${'0'.repeat(64)}` });
  assert.is(other.code, 3);
  assert.match(
    other.err,
    new RegExp(`does not have the certificate sha256:0+: its chain ends at ${authority.fingerprint}`),
  );
});

test('without one it says what to do', async () => {
  await serve(null);
  const { code, err } = await state();
  assert.is(code, 3);
  assert.match(
    err,
    /signed by an authority that is not trusted here: give its ca\.pem, or the fingerprint .* as --ca or CO_CA/,
  );
});

test('a certificate for other names is not accepted, whoever signed it', async () => {
  await serve(null, ['manager.internal']);
  for (const ca of [authority.ca, authority.fingerprint]) {
    const { code, err } = await state({ CO_CA: ca });
    assert.is(code, 3);
    assert.match(err, /its certificate is for other names: .*127\.0\.0\.1/);
  }
});

test('shows a certificate where the manager requires one', async () => {
  await serve(authority.ca);
  const client = await authority.writeClient('ada');
  for (const ca of [authority.ca, authority.fingerprint]) {
    const shown = await state({ CO_CA: ca, CO_CERT: client.cert, CO_KEY: client.key });
    assert.is(shown.code, 0, shown.err);
  }
  const { code, err } = await state({ CO_CA: authority.ca });
  assert.is(code, 3);
  assert.match(err, /where it requires a certificate: give --cert and --key/);
});

test('files that do not fit are wrong usage, and the refusal names the option', async () => {
  await serve(null);
  const [client, other] = [await authority.writeClient('ada'), await authority.writeClient('bob')];
  const cases: [Record<string, string>, RegExp][] = [
    [{ CO_CA: '/nowhere/ca.pem' }, /--ca: \/nowhere\/ca\.pem cannot be read: ENOENT/],
    [{ CO_CA: '/dev/null' }, /--ca: \/dev\/null is no regular file/],
    [{ CO_CA: client.key }, /--ca: .*holds no certificate/],
    [{ CO_CERT: client.cert }, /--cert and --key: go together/],
    [{ CO_CERT: client.cert, CO_KEY: other.key }, /--key: .* is not the key of the certificate in/],
    [{ CO_CERT: client.cert, CO_KEY: client.cert }, /--key: .* holds no private key/],
  ];
  for (const [environment, rule] of cases) {
    const { code, err } = await state(environment);
    assert.match(err, rule);
    assert.is(code, 2, err);
  }
});

test('https to a port of plain HTTP is named as such', async () => {
  await serve(null);
  const plain = await startApi(api.log);
  const { code, err } = await coctl(['state'], { environment: { CO_URL: plain.url.replace('http:', 'https:') } });
  await plain.close();
  assert.is(code, 3);
  assert.match(err, /does not speak TLS there/);
});

test.run();
