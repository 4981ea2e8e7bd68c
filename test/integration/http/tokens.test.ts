/** Tokens of the log: issued, used, revoked and expired on every manager at once; sessions of browsers; limits. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventLog } from '../../../src/events/log/event-log.ts';
import { openEventStream } from '../../support/http/event-stream.ts';
import { oneService, startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';
import { until } from '../../support/wait.ts';

const test = suite('tokens of the log');
const root = { name: 'root', token: 'root-token-of-the-file', scope: 'admin' as const };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const asRoot = bearer(root.token);
let log: EventLog;
let api: TestApi;

test.before.each(async () => {
  log = await openMemoryLog();
});
test.after.each(async () => {
  await api.close();
  await log.close();
});

const start = async (options: Parameters<typeof startApi>[1] = { tokens: [root] }) => {
  api = await startApi(log, options);
};

async function issue(name: string, scopes: string[], more: object = {}): Promise<{ token: string; text: string }> {
  const { status, body } = await api.call('POST', '/token', { headers: asRoot, body: { name, scopes, ...more } });
  assert.is(status, 201, JSON.stringify(body));
  return body;
}

test('an issued token is shown once and may do what its scopes say, under its name', async () => {
  await start();
  const ada = await issue('ada', ['write']);
  assert.match(ada.text, /^co_[0-9a-f]{12}_[\w-]{43}$/);
  const posted = await api.call('POST', '/service', { body: oneService(), headers: bearer(ada.text) });
  assert.is(posted.status, 202);
  assert.is((await api.events('ServiceRequested'))[0]?.meta.actor, 'person:ada');
  const refused = await api.call('GET', '/token', { headers: bearer(ada.text) });
  assert.equal([refused.status, refused.body.code], [403, 'forbidden']);
  const { body } = await api.call('GET', '/token', { headers: asRoot });
  const { issuedAt, ...row } = body.tokens[0];
  const expected = { token: ada.token, name: 'ada', scopes: ['write'], expiresAt: null, expired: false };
  assert.equal(row, { ...expected, issuedBy: 'person:root' });
  const everything = JSON.stringify(await log.read({ limit: 100 })) + JSON.stringify(body);
  assert.not.match(everything, new RegExp(ada.text.slice(-43)));
});

test('a dry run says which token would be issued or revoked, and appends nothing', async () => {
  await start();
  const call = (method: string, path: string, body?: object) =>
    api.call(method, `${path}?dryRun=true`, { headers: asRoot, ...(body ? { body } : {}) });
  const request = { name: 'ada', scopes: ['write'] };
  const fresh = await call('POST', '/token', request);
  assert.equal([fresh.status, fresh.body], [200, { dryRun: true, ...request, expiresAt: null }]);
  assert.not.match(fresh.text, /co_/);
  const { body: bounded } = await call('POST', '/token', { ...request, expiresInSeconds: 60 });
  assert.ok(Date.parse(bounded.expiresAt) > 0);
  assert.equal((await call('DELETE', '/token/ada')).body.code, 'token_not_found');
  assert.equal(await api.events('TokenIssued'), []);

  const { token, text } = await issue('ada', ['write']);
  await issue('ada', ['read']);
  const revoked = await call('DELETE', `/token/${token}`);
  assert.equal([revoked.status, revoked.body], [200, { dryRun: true, tokens: [{ token, name: 'ada' }] }]);
  assert.is((await call('DELETE', '/token/ada')).body.tokens.length, 2);
  assert.equal((await call('POST', '/token', request)).body.code, 'token_limit');
  assert.is((await api.events('TokenIssued', 'TokenRevoked')).length, 2);
  assert.is((await api.call('GET', '/service_state', { headers: bearer(text) })).status, 200);
});

test('what is no change of a person to the cluster refuses a dry run by name', async () => {
  await start();
  const asMachine = bearer((await issue('machine', ['join'])).text);
  for (const [path, sent] of [
    ['/whatif', { changes: [{ kind: 'kill', node: 'worker-1' }] }],
    ['/join', { node: 'worker-1' }],
    ['/login', { token: root.token }],
    ['/logout', undefined],
  ] as const) {
    const { status, body, text } = await api.call('POST', `${path}?dryRun=true`, {
      headers: path === '/join' ? asMachine : asRoot,
      ...(sent ? { body: sent } : {}),
    });
    assert.equal([status, body.code], [400, 'query_invalid'], `${path} ${text}`);
    assert.match(text, /dryRun/, path);
  }
});

test('scopes include less, never more', async () => {
  await start();
  const statuses: Record<string, number[]> = {};
  for (const scope of ['read', 'write', 'admin', 'secrets', 'join']) {
    const headers = bearer((await issue(scope, [scope])).text);
    const calls = [
      await api.call('GET', '/service_state', { headers }),
      await api.call('DELETE', '/service/none', { headers }),
      await api.call('GET', '/token', { headers }),
    ];
    statuses[scope] = calls.map(({ status }) => status);
  }
  assert.equal(statuses, {
    read: [200, 403, 403],
    write: [200, 404, 403],
    admin: [200, 404, 200],
    secrets: [403, 403, 403],
    join: [403, 403, 403],
  });
});

test('a revocation holds on every manager, and ends the streams that the token has opened', async () => {
  await start();
  const other = await startApi(log, { tokens: [root], managerId: 'manager-2' });
  const ben = await issue('ben', ['read']);
  const read = () => other.call('GET', '/service_state', { headers: bearer(ben.text) });
  await until('the other manager knows the token', async () => (await read()).status === 200);
  const stream = await openEventStream(other.url, '/events', bearer(ben.text));
  assert.is((await api.call('DELETE', '/token/ben', { headers: asRoot })).status, 202);
  await until('the other manager refuses it', async () => (await read()).status === 401);
  await until('the stream ends', () => stream.isEnded);
  stream.close();
  await other.close();
});

test('an expired token is refused', async () => {
  await start();
  const { text } = await issue('ben', ['read'], { expiresInSeconds: 60 });
  const read = () => api.call('GET', '/service_state', { headers: bearer(text) });
  assert.is((await read()).status, 200);
  const [token] = [...api.projector.view.tokens.values()];
  token!.expiresAt = new Date(Date.now() - 1).toISOString();
  assert.is((await read()).status, 401);
});

test('a token with one character changed is nobody', async () => {
  await start();
  const { text } = await issue('ben', ['admin']);
  const last = text.at(-5) === 'A' ? 'B' : 'A';
  for (const wrong of [`${text.slice(0, -5)}${last}${text.slice(-4)}`, `${text}x`, text.slice(0, -1)]) {
    assert.is((await api.call('GET', '/token', { headers: bearer(wrong) })).status, 401);
  }
});

test('a repeated request has no second token, and no text', async () => {
  await start();
  const headers = { ...asRoot, 'idempotency-key': 'once' };
  const body = { name: 'ada', scopes: ['read'] };
  const first = await api.call('POST', '/token', { headers, body });
  const second = await api.call('POST', '/token', { headers, body });
  assert.equal([second.status, second.body.token, second.body.text], [201, first.body.token, null]);
  assert.is((await api.events('TokenIssued')).length, 1);
});

test('on loopback without a file of tokens no token is needed, and one that is sent has to be valid', async () => {
  await start({});
  const { status, body } = await api.call('POST', '/token', { body: { name: 'ben', scopes: ['read'] } });
  assert.is(status, 201);
  const read = (token: string) => api.call('GET', '/service_state', { headers: bearer(token) });
  assert.equal([(await read(body.text)).status, (await read('another')).status], [200, 401]);
  const posted = await api.call('POST', '/service', { body: oneService(), headers: bearer(body.text) });
  assert.is(posted.status, 403);
});

test('a person logs in with a token and reads by the cookie of the session', async () => {
  await start();
  const page = await api.call('GET', '/docs/json', { headers: { accept: 'text/html' } });
  assert.equal([page.status, page.headers.location], [303, '/login?next=%2Fdocs%2Fjson']);
  const form = await api.call('GET', String(page.headers.location));
  assert.match(form.text, /name="next" value="\/docs\/json"/);
  assert.match(String(form.headers['content-security-policy']), /form-action 'self'/);
  assert.is(form.headers['referrer-policy'], 'same-origin', 'or a browser sends the form with a null origin');
  const login = (token: string, next: string) =>
    api.call('POST', '/login', {
      text: new URLSearchParams({ token, next }).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
  const wrong = await login('wrong', '/docs/json');
  assert.is(wrong.status, 401);
  assert.match(wrong.text, /unknown, expired or revoked/);
  const done = await login(root.token, '/docs/json');
  assert.equal([done.status, done.headers.location], [303, '/docs/json']);
  const [setCookie = ''] = done.headers['set-cookie'] as string[];
  assert.match(setCookie, /HttpOnly/);
  assert.match(setCookie, /SameSite=Strict/);
  const cookie = setCookie.split(';')[0]!;
  assert.is((await api.call('GET', '/docs/json', { headers: { cookie } })).status, 200);
  assert.is((await login(root.token, '//evil.example')).status, 400);
});

test('a change by a cookie needs the header of our own page', async () => {
  await start();
  const done = await api.call('POST', '/login', { body: { token: root.token } });
  assert.is(done.status, 204);
  const cookie = String((done.headers['set-cookie'] as string[])[0]).split(';')[0]!;
  const post = (headers: Record<string, string>) =>
    api.call('POST', '/node/worker-1/drain', { headers: { cookie, ...headers } });
  assert.is((await post({})).body.code, 'cross_site');
  assert.is((await post({ 'x-co-page': '1', origin: 'http://evil.example' })).body.code, 'cross_site');
  assert.is((await post({ 'x-co-page': '1' })).body.code, 'node_not_found');
  const out = await api.call('POST', '/logout', { headers: { cookie } });
  assert.match(String(out.headers['set-cookie']), /Max-Age=0/);
});

test('one token that calls too often waits, others do not', async () => {
  await start({ tokens: [root], callsPerSecond: 20 });
  const { text } = await issue('busy', ['read']);
  const calls = await Promise.all(
    Array.from({ length: 60 }, () => api.call('GET', '/service_state', { headers: bearer(text) })),
  );
  const refused = calls.filter(({ status }) => status === 429);
  assert.ok(refused.length > 0 && refused.length <= 40, `${refused.length} refused`);
  assert.is(refused[0]?.body.code, 'too_many_requests');
  assert.match(String(refused[0]?.headers['retry-after']), /^[1-9]\d*$/);
  assert.is((await api.call('GET', '/service_state', { headers: asRoot })).status, 200);
});

test('an address without a valid token is refused unread after too many attempts, a valid token from it is not', async () => {
  await start();
  const attempts = [];
  for (let n = 0; n < 70; n += 1) attempts.push(await api.call('GET', '/state', { headers: bearer(`guess-${n}`) }));
  const last = attempts.at(-1);
  assert.equal([attempts[0]?.status, last?.status, last?.body.code], [401, 429, 'too_many_attempts']);
  assert.is((await api.call('POST', '/login', { body: { token: 'guess' } })).status, 429);
  assert.is((await api.call('GET', '/state', { headers: asRoot })).status, 200);
});

test.run();
