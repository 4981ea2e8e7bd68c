/** The page's files: who gets them, and under which policy. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildPage } from '../../../bootstrap/page/build-page.ts';
import { startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';

const test = suite('the page over HTTP');
let api: TestApi;

test.before(async () => {
  await buildPage();
  api = await startApi(await openMemoryLog(), { tokens: [{ name: 'ada', token: 'reads', scope: 'read' }] });
});
test.after(async () => {
  await api.close();
  await api.log.close();
});

const browser = { accept: 'text/html,*/*' };
const ada = { ...browser, authorization: 'Bearer reads' };

test('a browser without a token is sent to the login, and from there back', async () => {
  const { status, headers } = await api.call('GET', '/?at=7', { headers: browser });
  assert.equal([status, headers.location], [303, '/login?next=%2F%3Fat%3D7']);
});

test('after a login without a place to go back to comes the page', async () => {
  const { status, headers } = await api.call('POST', '/login', {
    text: 'token=reads',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  assert.equal([status, headers.location], [303, '/']);
});

test('a program without a token gets a problem document', async () => {
  assert.is((await api.call('GET', '/')).body.code, 'unauthenticated');
});

test('the page may load what is of this server, and nothing else; and may not be framed', async () => {
  const { status, headers, text } = await api.call('GET', '/', { headers: ada });
  assert.is(status, 200);
  const policy = String(headers['content-security-policy']);
  for (const part of [`default-src 'none'`, `script-src 'self'`, `style-src 'self'`, `frame-ancestors 'none'`]) {
    assert.ok(policy.includes(part), policy);
  }
  assert.not.match(policy, /unsafe|https?:/);
  assert.not.match(text, /https?:\/\//);
});

test('its files are asked for each time, and not sent again', async () => {
  for (const path of ['/page/page.js', '/page/page.css']) {
    const { headers, status, text } = await api.call('GET', path);
    assert.equal([status, headers['cache-control']], [200, 'no-cache']);
    assert.ok(text.length > 10_000);
    const again = await api.call('GET', path, { headers: { 'if-none-match': String(headers.etag) } });
    assert.equal([again.status, again.text], [304, '']);
  }
});

test('another path below /page is not there', async () => {
  assert.is((await api.call('GET', '/page/secrets.js', { headers: ada })).status, 404);
});

test('calls for the page are not recorded', async () => {
  assert.equal(await api.events('ApiReadsRecorded').then((events) => JSON.stringify(events).match(/"\/page/)), null);
});

test.run();
