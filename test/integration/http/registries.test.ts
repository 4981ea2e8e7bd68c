/** Logins at registries over HTTP: set, repeated, removed; and that a password is in nothing that can be read. */

import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventLog } from '../../../src/events/log/event-log.ts';
import { startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';
import { openTestVault, type TestVault } from '../../support/secrets.ts';

const test = suite('logins at registries');
const host = 'registry.example:5000';
const password = 'correct-horse-battery';
const login = { username: 'deployer', password };
let log: EventLog;
let api: TestApi;
let vault: TestVault;

const start = async (options: Parameters<typeof startApi>[1] = {}) => {
  api = await startApi(log, { vault: vault.vault, ...options });
};

test.before.each(async () => {
  log = await openMemoryLog();
  vault = await openTestVault();
  await start();
});
test.after.each(async () => {
  await api.close();
  await log.close();
  await vault.close();
});

const put = (body: unknown = login, headers: Record<string, string> = {}, of = host) =>
  api.call('PUT', `/registry/${of}`, { body, headers });
const list = async () => (await api.call('GET', '/registry')).body.registries;

test('a login is set, listed without its password, and removed', async () => {
  const set = await put();
  assert.is(set.status, 202, set.text);
  const { position, ...rest } = set.body;
  assert.equal(rest, { host, username: 'deployer', version: 1, changed: true });
  const [{ setAt, ...row }] = await list();
  assert.equal(row, { host, username: 'deployer', version: 1, setBy: 'person:local' });
  assert.ok(Date.parse(setAt) > 0 && position > 0);
  const removed = await api.call('DELETE', `/registry/${host}`);
  assert.equal([removed.status, removed.body.host], [202, host]);
  assert.equal(await list(), []);
  const again = await api.call('DELETE', `/registry/${host}`);
  assert.equal([again.status, again.body.code], [404, 'registry_login_not_found']);
  assert.equal(
    (await api.events('RegistryLoginSet', 'RegistryLoginRemoved')).map(({ type, stream }) => [type, stream]),
    [
      ['RegistryLoginSet', 'registries'],
      ['RegistryLoginRemoved', 'registries'],
    ],
  );
});

test('a dry run says what would become of a login, and stores and appends nothing', async () => {
  const dryPut = (body: object) => api.call('PUT', `/registry/${host}?dryRun=true`, { body });
  const dryDelete = () => api.call('DELETE', `/registry/${host}?dryRun=true`);
  const supposed = { dryRun: true, host, username: 'deployer' };
  const fresh = await dryPut(login);
  assert.equal([fresh.status, fresh.body], [200, { ...supposed, changed: true }]);
  assert.is((await dryDelete()).body.code, 'registry_login_not_found');
  assert.equal(
    [await list(), await vault.vault.get(`registry/${host}`, 1).catch(({ code }) => code)],
    [[], 'secret_not_found'],
  );

  assert.is((await put()).body.version, 1);
  assert.equal((await dryPut(login)).body, { ...supposed, changed: false });
  assert.equal((await dryPut({ ...login, password: 'another' })).body, { ...supposed, changed: true });
  const removal = await dryDelete();
  assert.equal([removal.status, removal.body], [200, { dryRun: true, host }]);
  assert.equal((await api.events('RegistryLoginSet', 'RegistryLoginRemoved')).length, 1);
  assert.is((await put({ ...login, password: 'another' })).body.version, 2, 'none was used up');
});

test('a user name has the letters of any script', async () => {
  for (const username of ['ĥÞ', '\u{1f600}'.repeat(255)]) {
    const { status, body, text } = await put({ ...login, username });
    assert.equal([status, body.username], [202, username], text);
  }
});

test('the password is in the store as it was set, encrypted, and in no event, answer or file', async () => {
  const answers = [await put(), await put(), await api.call('GET', '/registry'), await put({ ...login, password: '' })];
  answers.push(await api.call('GET', '/state'), await api.call('GET', '/metrics'), await api.call('GET', '/events'));
  assert.is((await vault.vault.get(`registry/${host}`, 1)).toString(), password);
  const files = await readdir(vault.dir, { recursive: true, withFileTypes: true });
  const stored = files
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => readFile(join(parentPath, name)));
  const everything = [...answers.map(({ text }) => text), JSON.stringify(await log.read({ limit: 100 }))];
  everything.push(...(await Promise.all(stored)).map(String));
  const base64 = Buffer.from(password).toString('base64').slice(0, -4);
  for (const text of everything) assert.not.ok(text.includes(password) || text.includes(base64), text.slice(0, 200));
});

test('the same login again changes nothing, and another password is another version', async () => {
  await put();
  const same = (await put()).body;
  assert.equal([same.version, same.changed], [1, false]);
  const renamed = (await put({ ...login, username: 'other' })).body;
  assert.equal([renamed.version, renamed.changed], [2, true]);
  const other = (await put({ username: 'other', password: 'another-one' })).body;
  assert.equal([other.version, other.changed], [3, true]);
  const facts = await api.events('RegistryLoginSet');
  const hashes = facts.map(({ data }) => (data as { passwordHash: string }).passwordHash);
  assert.is(hashes[0], hashes[1]);
  assert.is(new Set(hashes).size, 3, 'each version has a salt of its own');
  for (const hash of hashes) assert.match(hash, /^scrypt:32768:8:1:[\w-]{22}:[\w-]{43}$/);
});

test('a login whose value is gone, as in a restored log, is there again once it is set again', async () => {
  await put();
  await vault.store.remove(`registry/${host}`, 1);
  const again = (await put()).body;
  assert.equal([again.version, again.changed], [2, true]);
  assert.is((await vault.vault.get(`registry/${host}`, 2)).toString(), password);
});

test('a login that comes back after its removal has a version of its own', async () => {
  await put();
  await api.call('DELETE', `/registry/${host}`);
  assert.is((await put()).body.version, 2);
});

test('logins set at the same time each have their value', async () => {
  const bodies = Array.from({ length: 5 }, (_, n) => ({ username: `user-${n}`, password: `password-${n}-of-them` }));
  const answers = await Promise.all(bodies.map((body) => put(body)));
  const statuses = answers.map(({ status }) => status);
  assert.ok(
    statuses.every((status) => status === 202 || status === 409),
    String(statuses),
  );
  assert.ok(statuses.includes(202));
  const [row] = await list();
  const value = (await vault.vault.get(`registry/${host}`, row.version)).toString();
  assert.is(value, `password-${row.username.slice(-1)}-of-them`);
});

test('a repeat under its key has the first answer; another password under it is refused, and the key holds no plain hash', async () => {
  const headers = { 'idempotency-key': 'release-7' };
  const [first, repeat] = [await put(login, headers), await put(login, headers)];
  assert.equal([first.status, repeat.status, repeat.headers['idempotent-replayed']], [202, 202, 'true']);
  assert.equal(repeat.body, first.body);
  const other = await put({ ...login, password: 'another-one' }, headers);
  assert.equal([other.status, other.body.code], [422, 'idempotency_key_reused']);
});

test('names of the default registry are one', async () => {
  await put(login, {}, 'index.docker.io');
  assert.equal(
    (await list()).map((row: { host: string }) => row.host),
    ['docker.io'],
  );
  assert.is((await api.call('DELETE', '/registry/registry-1.docker.io')).status, 202);
});

test('only the scope secrets may see or change logins', async () => {
  await api.close();
  const scopes = ['read', 'write', 'admin', 'secrets'] as const;
  await start({ tokens: scopes.map((scope) => ({ name: scope, token: `token-of-the-${scope}-scope`, scope })) });
  for (const scope of scopes) {
    const headers = { authorization: `Bearer token-of-the-${scope}-scope` };
    const calls = [
      await put(login, headers),
      await api.call('GET', '/registry', { headers }),
      await api.call('DELETE', `/registry/${host}`, { headers }),
    ];
    const expected = scope === 'secrets' ? [202, 200, 202] : [403, 403, 403];
    assert.equal(
      calls.map(({ status }) => status),
      expected,
      scope,
    );
  }
});

const refused: [what: string, body: unknown, field: string][] = [
  ['no password', { username: 'a' }, 'password'],
  ['an empty password', { username: 'a', password: '' }, 'password'],
  ['a password of another type', { username: 'a', password: 12345678 }, 'password'],
  ['a password that is too long', { username: 'a', password: 'x'.repeat(4_097) }, 'password'],
  ['a name with a colon', { username: 'a:b', password }, 'username'],
  ['an unknown member', { username: 'a', password, email: 'x' }, 'email'],
];
for (const [what, body, field] of refused) {
  test(`${what} is refused by name, and not repeated`, async () => {
    const answer = await put(body);
    assert.equal([answer.status, answer.body.code, answer.body.errors[0].field], [400, 'body_invalid', field]);
    assert.not.match(answer.text, /12345678|xxxx|correct-horse/);
    assert.equal(await vault.store.list(), []);
  });
}

test('a host may be as long as one can be', async () => {
  const long = `${'a'.repeat(250)}.aws`;
  assert.equal([(await put(login, {}, long)).status, (await put(login, {}, `a${long}b`)).status], [202, 400]);
});

test('what is no host of a registry is refused', async () => {
  for (const wrong of ['Registry.example', 'a_b.example', 'registry.example:port', '-a.example', 'a..b']) {
    const answer = await put(login, {}, wrong);
    assert.equal([answer.status, answer.body.code], [400, 'path_invalid'], wrong);
  }
});

test('a key file that is missing or another is a clear refusal, and nothing is stored', async () => {
  await put();
  await rm(vault.keyPath);
  const missing = await put({ ...login, password: 'another-one' });
  assert.equal([missing.status, missing.body.code], [503, 'secrets_key_missing']);
  await writeFile(vault.keyPath, `${'0'.repeat(64)}\n`);
  const differs = await put({ ...login, password: 'another-one' });
  assert.equal([differs.status, differs.body.code], [503, 'secrets_key_differs']);
  assert.match(differs.body.detail, /all managers share one key file/);
  assert.is((await vault.store.list()).length, 1);
  assert.is((await list())[0].version, 1);
});

test('a manager without a store says so', async () => {
  await api.close();
  await start({ vault: null });
  const answer = await put();
  assert.equal([answer.status, answer.body.code], [501, 'secrets_not_configured']);
});

test('a refused login is in the log as a refusal, without what was sent', async () => {
  await put();
  await rm(vault.keyPath);
  await put({ ...login, password: 'another-one' });
  await api.close();
  await start();
  const [refusal] = await api.events('RequestRefused');
  assert.match(JSON.stringify(refusal), /secrets_key_missing/);
  assert.not.match(JSON.stringify(refusal), /another-one/);
});

test.run();
