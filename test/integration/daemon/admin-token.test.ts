/** The first admin token: issued once, where other machines reach the API and nothing else lets a person in. */

import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ensureAdminToken } from '../../../src/daemon/admin-token.ts';
import { startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';

const test = suite('the first admin token');
let dirs: string[];
let apis: TestApi[];

test.before.each(async () => {
  dirs = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'co-admin-')));
  const log = await openMemoryLog();
  apis = [await startApi(log, { host: '0.0.0.0' }), await startApi(log, { host: '0.0.0.0', managerId: 'manager-2' })];
});
test.after.each(async () => {
  for (const api of apis) await api.close();
  await apis[0]!.log.close();
  for (const dir of dirs) rmSync(dir, { recursive: true });
});

const ensure = (index: number, { host = '0.0.0.0', tokens = [] as never[] } = {}) =>
  ensureAdminToken(apis[index]!, { host, tokens, dataDir: dirs[index]! }, `manager:manager-${index}`);

test('it is in a file of its owner alone, and lets its bearer issue others', async () => {
  const path = (await ensure(0)) ?? '';
  assert.is(path, join(dirs[0]!, 'admin-token'));
  assert.is(statSync(path).mode & 0o777, 0o600);
  const headers = { authorization: `Bearer ${readFileSync(path, 'utf8').trim()}` };
  const body = { name: 'ada', scopes: ['write'] };
  assert.is((await apis[0]!.call('POST', '/token', { headers, body })).status, 201);
  assert.is(await ensure(0), null, 'a second start');
});

test('of two managers that start at once one issues it, and the other keeps no token that is not valid', async () => {
  const paths = await Promise.all([ensure(0), ensure(1)]);
  assert.is(paths.filter((path) => path !== null).length, 1);
  assert.is((await apis[0]!.events('TokenIssued')).length, 1);
  const late = paths.indexOf(null);
  assert.throws(() => statSync(join(dirs[late]!, 'admin-token')));
});

test('when it was revoked a start issues another, never the same', async () => {
  const path = (await ensure(0))!;
  const first = readFileSync(path, 'utf8');
  const headers = { authorization: `Bearer ${first.trim()}` };
  assert.is((await apis[0]!.call('DELETE', '/token/admin', { headers })).status, 202);
  assert.is(await ensure(0), path);
  assert.is.not(readFileSync(path, 'utf8'), first);
});

test('on loopback, and beside a file of tokens, there is none', async () => {
  assert.is(await ensure(0, { host: '127.0.0.1' }), null);
  const tokens = [{ name: 'ada', token: 'x'.repeat(16), scope: 'read' }] as never[];
  assert.is(await ensure(0, { tokens }), null);
});

test.run();
