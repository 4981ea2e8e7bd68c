/** Contexts, addresses, versions and completion: what a person has set up once and relies on from then on. */

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of shells look so.

import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { forgetLocal, noteLocal } from '../../../src/cli/sources/contexts.ts';
import { coctl } from '../../support/cluster/cli.ts';
import { oneService, startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';

const test = suite('coctl habits');
const ada = { name: 'ada', token: 'token-of-ada-in-a-file', scope: 'read' as const };
let folder: string;
let environment: Record<string, string>;
let api: TestApi;

test.before.each(async () => {
  folder = await mkdtemp(join(tmpdir(), 'co-habits-'));
  environment = { CO_CONTEXTS: join(folder, 'of a person', 'contexts.json') };
  api = await startApi(await openMemoryLog(), { tokens: [ada] });
});
test.after.each(async () => {
  await api.close();
  await api.log.close();
  await rm(folder, { recursive: true });
});

const run = (line: string, more: Record<string, string> = {}) =>
  coctl(line.split(' '), { environment: { ...environment, ...more } });

test('a context is called, with its token, until another is', async () => {
  await writeFile(join(folder, 'token'), `${ada.token}\n`);
  const added = await run(`context add shop --url ${api.url} --token-file ${join(folder, 'token')}`);
  assert.is(added.code, 0, added.err);
  assert.match(added.out, /^shop is http:\/\/127\.0\.0\.1:\d+, in .*contexts\.json: it is the current one\n$/);
  assert.is((await stat(environment.CO_CONTEXTS!)).mode & 0o777, 0o600);
  assert.is((await run('services')).code, 0);
  await run('context add dead --url http://127.0.0.1:9');
  assert.match((await run('context ls')).out, /^\* +shop +http:.*\n +dead +http/m);
  assert.is((await run('context use dead')).code, 0);
  const dead = await run('services');
  assert.is(dead.code, 3);
  assert.match(
    dead.err,
    /no manager answers at http:\/\/127\.0\.0\.1:9 \(the context dead\): .*; --offline asks the log instead/,
  );
  assert.is((await run('services', { CO_URL: api.url, CO_TOKEN: ada.token })).code, 0);
  assert.is((await run('context rm dead')).code, 0);
  assert.match((await run('context use dead')).err, /no context is called dead/);
  assert.not.match(await readFile(environment.CO_CONTEXTS!, 'utf8'), /token-of-ada/);
});

test('what up notes is the current one where there is none, and is forgotten with it', async () => {
  const local = { url: 'http://127.0.0.1:9' };
  assert.equal(await noteLocal(environment, local), { current: 'local', contexts: { local } });
  const ended = await run('scale web=1');
  assert.equal(
    [ended.code, /the context local\): .*; \.\/bootstrap\/up starts one/.test(ended.err)],
    [3, true],
    ended.err,
  );
  await run('context add shop --url https://manager.shop:5000');
  await run('context use shop');
  await noteLocal(environment, { url: 'http://127.0.0.1:10' });
  assert.match((await run('context ls')).out, /^\* +shop/m);
  await forgetLocal(environment, local);
  assert.match((await run('context ls')).out, /local/);
  await forgetLocal(environment, { url: 'http://127.0.0.1:10' });
  assert.not.match((await run('context ls')).out, /local/);
});

test('a file that is none is named', async () => {
  await writeFile(join(folder, 'bad.json'), '{"contexts": {"a": 1}}');
  const { code, err } = await run('services', { CO_CONTEXTS: join(folder, 'bad.json') });
  assert.equal([code, /bad\.json is not a file of contexts/.test(err)], [3, true], err);
  assert.is((await run('context add A --url http://a:1')).code, 2);
  assert.is((await run('context add a --url nowhere')).code, 2);
});

test('an address without a scheme is understood, in clear to this machine only', async () => {
  const address = api.url.replace('http://', '').replace('127.0.0.1', 'localhost');
  assert.match((await run('services', { CO_URL: address, CO_TOKEN: ada.token })).err, /^$|no manager answers at http:/);
  assert.is((await run('services', { CO_URL: api.url.replace('http://', ''), CO_TOKEN: ada.token })).code, 0);
  const other = await run('services --url manager.invalid:5000');
  assert.match(other.err, /no manager answers at https:\/\/manager\.invalid:5000/);
});

test('no token, a wrong one and one without the scope are exit code 5, in words of the command line', async () => {
  const none = await run('services', { CO_URL: api.url });
  assert.is(none.code, 5);
  assert.match(none.err, /requires a token: set it as CO_TOKEN/);
  const wrong = await run('services', { CO_URL: api.url, CO_TOKEN: 'another' });
  assert.match(wrong.err, /does not know the token in CO_TOKEN/);
  const narrow = await run('scale web=2', { CO_URL: api.url, CO_TOKEN: ada.token });
  assert.equal([wrong.code, narrow.code, /no scope write, only read/.test(narrow.err)], [5, 5, true], narrow.err);
});

test('--version is that of the package, and help has headings', async () => {
  const { version } = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8'));
  assert.is((await run('--version')).out.trim(), version);
  assert.match((await run('--help')).out, /Change the cluster:\n +run[\s\S]*\nAsk:\n +ps[\s\S]*\nThe log:\n/);
  assert.not.match((await run('--help')).out, /^Commands:$/m, 'each command has a heading of ours');
});

test('words are completed with names of the cluster, and without a manager with those that are known', async () => {
  const { log, projector, ...open } = await startApi(await openMemoryLog());
  await open.call('POST', '/service', { body: oneService('web') });
  const asked = await run('completion words -- rm w', { CO_URL: open.url });
  assert.is(asked.out, 'web\n');
  assert.is((await run('completion words -- rm x', { CO_URL: open.url })).out, '');
  assert.is((await run('completion words -- sca', { CO_URL: 'http://127.0.0.1:9' })).out, 'scale\n');
  assert.is((await run('completion words -- rm w', { CO_URL: 'http://127.0.0.1:9' })).out, '');
  assert.is((await run('completion tcsh')).code, 2);
  await open.close();
  await log.close();
});

const typed = fileURLToPath(new URL('../../../coctl', import.meta.url));
/** Without its completion system: what the script registers, and what it offers, is shown. */
const zsh = `compdef() { print registered $1; }; compadd() { print -l -- \${(P)2}; }; words=(${typed} rollo) CURRENT=2`;
const shells = [
  ['zsh', 'sourced', `${zsh}; source completion; _coctl`, /^registered _coctl\nrollout\n$/],
  ['zsh', 'in its fpath', `${zsh}; mv completion _coctl; fpath=(. $fpath); autoload -Uz _coctl; _coctl`, /^rollout\n$/],
  [
    'bash',
    'sourced',
    `source completion; COMP_WORDS=('${typed}' rollo); COMP_CWORD=1; _coctl; echo "\${COMPREPLY[@]}"`,
    /^rollout\n$/,
  ],
  ['fish', 'sourced', `source completion; complete -C "${typed} rollo"`, /^rollout\s/],
] as const;
for (const [shell, how, ask, offered] of shells) {
  const isThere = spawnSync(shell, ['-c', 'true']).status === 0;
  (isThere ? test : test.skip)(`${shell} takes the script ${how}, and asks the program as it is typed`, async () => {
    await writeFile(join(folder, 'completion'), (await run(`completion ${shell}`)).out);
    const env = { ...process.env, HOME: folder };
    const { stdout, stderr } = spawnSync(shell, ['-c', ask], { cwd: folder, env, encoding: 'utf8', timeout: 60_000 });
    assert.match(stdout, offered, stderr);
  });
}

test('contexts are completed', async () => {
  await run('context add completed --url http://127.0.0.1:9');
  assert.is((await run('completion words -- context use comp')).out, 'completed\n');
  await run('context rm completed');
});

test.run();
