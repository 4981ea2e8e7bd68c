/** The command line against a real API and real logs: what it shows, and what it tells the shell. */

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createContext } from '../../../src/cli/output/context.ts';
import { createProgram } from '../../../src/cli/program.ts';
import { coctl } from '../../support/cluster/cli.ts';
import { oneService, startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';

const program = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));

const online = suite('coctl asks a manager');
let api: TestApi;
const ask = (...args: string[]) => coctl(args, { environment: { CO_URL: api.url } });

online.before(async () => {
  api = await startApi(await openMemoryLog());
  await api.call('POST', '/service', { body: oneService() });
});
online.after(async () => {
  await api.close();
  await api.log.close();
});

online('state shows services and nodes', async () => {
  const { code, out } = await ask('state');
  assert.is(code, 0);
  assert.match(out, /^SERVICE +RUNNING +STATUS/m);
  assert.match(out, /^web +0\/\d/m);
  assert.match(out, /^NODE +STATE/m);
});

online('state --json is the body of the API', async () => {
  const { code, json } = await ask('state', '--json');
  assert.is(code, 0);
  assert.is(json().services[0].serviceName, 'web');
});

online('state --at shows the past', async () => {
  const { json } = await ask('state', '--at', '1', '--json');
  assert.equal(json().services, []);
  assert.is(json().position, 1);
});

online('a point in time that has not come is refused', async () => {
  const { code, out, err } = await ask('state', '--at', '999999');
  assert.is(code, 1);
  assert.is(out, '');
  assert.match(err, /ends at position .*\(moment_in_future\)/);
});

online('a point in time that is none is wrong usage', async () => {
  const { code, err } = await ask('state', '--at', 'noon');
  assert.is(code, 2);
  assert.match(err, /--at takes a position such as 1500, or a time in UTC: .*; not "noon"/);
});

online.run();

const alone = suite('coctl without anybody');

alone('no manager to ask is exit code 3', async () => {
  const { code, err } = await coctl(['state', '--url', 'http://127.0.0.1:9']);
  assert.is(code, 3);
  assert.match(err, /no manager answers at http:\/\/127\.0\.0\.1:9/);
});

alone('a password in the URL of the manager is refused and never shown', async () => {
  for (const url of ['http://u:secret@127.0.0.1:9', 'http://u:secret@', 'u:secret@host']) {
    const { code, out, err } = await coctl(['state'], { environment: { CO_URL: url } });
    assert.is(code, 2);
    assert.match(err, /CO_TOKEN holds the token/);
    assert.not.match(out + err, /secret/);
  }
});

alone('the path of CO_URL is kept: a manager may be served below one', async () => {
  const asked: (string | undefined)[] = [];
  const server = createServer(({ url }, answer) => {
    asked.push(url);
    answer.writeHead(404).end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  for (const end of ['/prod', '/prod/']) {
    await coctl(['state', '--at', '3'], { environment: { CO_URL: `http://127.0.0.1:${port}${end}` } });
  }
  assert.equal(asked, ['/prod/state?at=3', '/prod/state?at=3']);
  server.close();
});

alone('a MongoDB URL that is none is wrong usage, in a line without its password', async () => {
  const commands = [['verify'], ['export', '/nowhere'], ['import', program], ['prune', '--older-than', '1h']];
  for (const url of [
    'mongodb://',
    'mongodb://u:secret@',
    'mongodb://u:sec%ret@host',
    'mongodb://host/?retry=1',
    'mongodb://host:99999',
  ]) {
    for (const args of commands) {
      const { code, out, err } = await coctl([...args, '--mongodb', url]);
      assert.is(code, 2, `${args[0]} ${url}: ${err}`);
      assert.match(err, /^error: [^\n]*the MongoDB URL cannot be read[^\n]*\n\(--help says how\)\n$/);
      if (url.includes('@')) assert.not.match(out + err, /secret/);
    }
  }
});

alone('wrong usage is exit code 2 and says what', async () => {
  for (const args of [['stata'], ['state', '--colour'], ['state', '--url', 'nowhere'], ['state', 'of', 'affairs']]) {
    const { code, err } = await coctl(args);
    assert.is(code, 2, args.join(' '));
    assert.is.not(err, '');
  }
});

type Named = { command: Command; path: string };
const pathsOf = ({ command, path }: Named): Named[] =>
  command.commands.flatMap((sub) => {
    const named = { command: sub, path: `${path}${sub.name()}` };
    return [named, ...pathsOf({ ...named, path: `${named.path} ` })];
  });

alone('every command has a help with an example of itself', async () => {
  const { signal } = new AbortController();
  const silent = { write: () => {} };
  const program = createProgram(createContext({ out: silent, err: silent, environment: {}, signal }));
  const all = pathsOf({ command: program, path: '' });
  assert.ok(all.some(({ path }) => path === 'node label'));
  for (const { command, path } of all) {
    const { code, out } = await coctl([...path.split(' '), '--help']);
    assert.is(code, 0);
    assert.is.not(command.description(), '');
    assert.match(out, new RegExp(`Examples:\n  coctl ${path}`));
  }
});

alone('a command or option that is mistyped is guessed', async () => {
  for (const [line, guess] of [
    ['scael web=5', /Did you mean scale\?/],
    ['node lable worker-1 a=b', /Did you mean label\?/],
    ['run web nginx --constrain a==b', /Did you mean --constraint\?/],
    ['edit web --detatch', /Did you mean --detach\?/],
  ] as const) {
    const { code, err } = await coctl(line.split(' '));
    assert.equal([code, guess.test(err)], [2, true], err);
  }
});

alone('./coctl runs from anywhere, and --help ends well', () => {
  const program = fileURLToPath(new URL('../../../coctl', import.meta.url));
  const { status, stdout } = spawnSync(program, ['--help'], { cwd: '/', encoding: 'utf8' });
  assert.is(status, 0);
  assert.match(stdout, /Exit codes:/);
});

alone.run();
