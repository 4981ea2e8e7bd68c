/** `coctl registry`: a person sets a login from a file, sees which there are, and takes one back. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { coctl } from '../../support/cluster/cli.ts';
import { startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';
import { openTestVault, type TestVault } from '../../support/secrets.ts';

const test = suite('coctl registry');
const keeper = { name: 'keeper', token: 'keeper-token-of-the-file', scope: 'secrets' as const };
const host = 'registry.example:5000';
let api: TestApi;
let place: TestVault;
let file: string;

test.before.each(async () => {
  place = await openTestVault();
  file = join(place.dir, 'password');
  await writeFile(file, 'a-password\nand a note\n');
  api = await startApi(await openMemoryLog(), { tokens: [keeper], vault: place.vault });
});
test.after.each(async () => {
  await api.close();
  await api.log.close();
  await place.close();
});

const run = (line: string) => coctl(line.split(' '), { environment: { CO_URL: api.url, CO_TOKEN: keeper.token } });
const login = (more = '') => run(`registry login ${host} --username deployer --password-file ${file}${more}`);

test('a login is set from the first line of a file, and again changes nothing', async () => {
  const set = await login();
  assert.equal([set.code, set.out.trim()], [0, `the login of deployer at ${host} is set (version 1)`], set.err);
  assert.is((await place.vault.get(`registry/${host}`, 1)).toString(), 'a-password');
  assert.is((await login()).out.trim(), `the login of deployer at ${host} is as it was (version 1)`);
  assert.is((await login(' --json')).json().changed, false);
});

test('a list says who set which, and a logout takes it', async () => {
  await login();
  const lines = (await run('registry list')).out.trimEnd().split('\n');
  assert.match(lines[1]!, /^registry\.example:5000 +deployer +1 +\d{4}-.* +person:keeper$/);
  assert.is((await run(`registry logout ${host}`)).out.trim(), `the login at ${host} is removed`);
  assert.equal((await run('registry list --json')).json().registries, []);
  const again = await run(`registry logout ${host}`);
  assert.equal([again.code, again.err.includes('no login is set')], [1, true], again.err);
});

test('a file that is not there, and a host that is none, are refused in words', async () => {
  const missing = await run(`registry login ${host} --username a --password-file /none`);
  assert.equal([missing.code, /no such file/.test(missing.err)], [3, true], missing.err);
  const wrong = await run(`registry login Registry.Example --username a --password-file ${file}`);
  assert.equal([wrong.code, /the host of a registry as images name it/.test(wrong.err)], [2, true], wrong.err);
  assert.is((await run(`registry login ${host} --username a`)).code, 2);
});

test.run();
