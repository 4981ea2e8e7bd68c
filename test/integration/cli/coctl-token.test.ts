/** `coctl token`: a person lets another in, sees who may call, and takes it back. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { coctl } from '../../support/cluster/cli.ts';
import { startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';

const test = suite('coctl token');
const root = { name: 'root', token: 'root-token-of-the-file', scope: 'admin' as const };
let api: TestApi;

test.before.each(async () => {
  api = await startApi(await openMemoryLog(), { tokens: [root] });
});
test.after.each(async () => {
  await api.close();
  await api.log.close();
});

const run = (line: string, token = root.token) =>
  coctl(line.split(' '), { environment: { CO_URL: api.url, CO_TOKEN: token } });

test('the text alone is on standard output, so that a script can keep it', async () => {
  const { code, out, err } = await run('token create ada --scope write --expires 90d');
  assert.is(code, 0, err);
  const text = out.trim();
  assert.match(err, /^token [0-9a-f]{12} of ada: write, until 20\d\d-.*not shown again/);
  assert.is((await run('state', text)).code, 0);
  const refused = await run('token list', text);
  assert.is(refused.code, 5);
  assert.match(refused.err, /no scope admin, only write/);
});

test('a list says who has which scopes since when, and a revocation takes them', async () => {
  await run('token create ada --scope read write');
  await run('token create ada --scope read');
  await run('token create ben --scope read');
  const { out } = await run('token list');
  const lines = out.trimEnd().split('\n');
  assert.is(lines.length, 4);
  assert.match(lines[1]!, /^[0-9a-f]{12} +ada +read,write +\d{4}-.* +person:root +never$/);
  const revoked = await run('token revoke ada');
  assert.is(revoked.out.match(/^revoked [0-9a-f]{12} of ada$/gm)?.length, 2);
  assert.equal(
    (await run('token list --json')).json().tokens.map((token: { name: string }) => token.name),
    ['ben'],
  );
  assert.match((await run('token revoke ada')).err, /no token has this id or name/);
});

test('a token for a node to join by lasts an hour unless it is said otherwise', async () => {
  const { scopes, expiresAt } = (await run('token create --join --json')).json();
  assert.equal(scopes, ['join']);
  const minutes = (Date.parse(expiresAt) - Date.now()) / 60_000;
  assert.ok(minutes > 58 && minutes <= 60, String(minutes));
});

for (const [line, words] of [
  ['token create ada', /--scope is required, one or more of read, write/],
  ['token create --scope read', /\[name\] is required/],
  ['token create ada --scope owner', /scopes\[0\] must be one of read, write, admin/],
  ['token create Ada --scope read', /name .*a to z/],
  ['token create ada --scope read --expires soon', /--expires takes 30s, 90m, 24h or 7d/],
  ['token create ada --join --scope read', /--join has a scope of its own/],
] as const) {
  test(`refused in words: ${line}`, async () => {
    const { code, err } = await run(line);
    assert.is(code, 2, err);
    assert.match(err, words);
  });
}

test.run();
