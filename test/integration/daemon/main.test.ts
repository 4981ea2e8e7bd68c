/** How the program starts and ends as a process: its lines, its signals, its exit codes. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeAuthority } from '../../../bootstrap/services/test-authority.ts';
import { createTlsFetch } from '../../../src/tls/tls-fetch.ts';
import { coctl } from '../../support/cluster/cli.ts';
import { until } from '../../support/wait.ts';

const test = suite('main');
const main = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));
const startDeadlineMs = 20_000;
/** What the help promises. */
const stopDeadlineMs = 5_000;

type Started = { process: ChildProcess; output(): string; errors(): string; code: Promise<number> };

const started = new Set<Started>();

function start(args: string[], environment: NodeJS.ProcessEnv = {}): Started {
  const child = spawn(process.execPath, [main, ...args], { env: { PATH: process.env.PATH, ...environment } });
  const said = { output: '', errors: '' };
  child.stdout.on('data', (chunk) => {
    said.output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said.errors += chunk;
  });
  const code = once(child, 'close').then(([ended]) => ended as number);
  const one = { process: child, output: () => said.output, errors: () => said.errors, code };
  started.add(one);
  return one;
}

const inFolder = (body: (dir: string) => Promise<void>) => async () => {
  const dir = await mkdtemp(join(tmpdir(), 'co-main-'));
  try {
    await body(dir);
  } finally {
    for (const { process: child, code } of started) {
      child.kill('SIGKILL');
      await code;
    }
    started.clear();
    await rm(dir, { recursive: true });
  }
};

const startUp = async (dir: string, ...args: string[]) => {
  const up = start(['up', '--data', dir, '--port', '0', '--workers', '2', '--engine', 'simulated', ...args]);
  await until('ready, or an end', () => /^ready /m.test(up.output()) || up.process.exitCode !== null, startDeadlineMs);
  return up;
};
const urlOf = ({ output }: Started) => /^ready (\S+)/m.exec(output())?.[1] ?? 'none';

async function stop({ process: child, code }: Started, signal: NodeJS.Signals): Promise<number> {
  const startedMs = performance.now();
  child.kill(signal);
  const ended = await code;
  assert.ok(performance.now() - startedMs < stopDeadlineMs, 'within the deadline');
  return ended;
}

test(
  'up beyond loopback writes a first admin token, and serves no call without one',
  inFolder(async (dir) => {
    const up = await startUp(dir, '--host', '0.0.0.0');
    const url = urlOf(up).replace('0.0.0.0', '127.0.0.1');
    const path = join(dir, 'admin-token');
    assert.match(up.output(), /tokens cross the network as plain text, .*--tls auto does/);
    assert.match(up.output(), new RegExp(`first admin token is in ${path}`));
    const token = (await readFile(path, 'utf8')).trim();
    const state = (headers: Record<string, string>) => fetch(`${url}/state`, { headers });
    assert.is((await state({})).status, 401);
    assert.is((await state({ authorization: `Bearer ${token}` })).status, 200);
    await stop(up, 'SIGTERM');
    const again = await startUp(dir, '--host', '0.0.0.0');
    assert.not.match(again.output(), /admin token/);
    assert.is((await readFile(path, 'utf8')).trim(), token);
  }),
);

test(
  'up --tls auto serves https by an authority of its own, whose fingerprint it prints and coctl trusts',
  inFolder(async (dir) => {
    const up = await startUp(dir, '--tls', 'auto');
    const [, pem = '', fingerprint = ''] =
      /clients trust (\S+) \(--ca\), or its fingerprint (\S+)/.exec(up.output()) ?? [];
    assert.is(pem, join(dir, 'tls', 'ca.pem'));
    for (const authority of [pem, fingerprint]) {
      const { code, err } = await coctl(['state'], { environment: { CO_URL: urlOf(up), CO_CA: authority } });
      assert.is(code, 0, err);
    }
    const scraped = await createTlsFetch({ ca: await readFile(pem, 'utf8') });
    const metrics = await (await scraped.fetch(`${urlOf(up)}/metrics`, {})).text();
    await scraped.close();
    const [, expires] = /^co_certificate_expires_timestamp_seconds (\S+)$/m.exec(metrics) ?? [];
    const days = (Number(expires) - Date.now() / 1_000) / 86_400;
    assert.ok(days > 89 && days <= 90, String(days));
    await stop(up, 'SIGTERM');
    await chmod(join(dir, 'tls', 'ca-key.pem'), 0o644);
    const again = await startUp(dir, '--tls', 'auto');
    // What up finds open in its folder it closes.
    assert.ok(again.output().includes(fingerprint), 'the same authority');
    await stop(again, 'SIGTERM');
    await rm(join(dir, 'tls', 'ca-key.pem'));
    const half = start(['up', '--data', dir, '--port', '0', '--tls', 'auto', '--engine', 'simulated']);
    assert.is(await half.code, 2);
    assert.match(half.errors(), /ca-key\.pem is missing: copy it here, or remove .*ca\.pem for another authority/);
  }),
);

test(
  'certificates that cannot be used are wrong usage, by name of the file and the rule',
  inFolder(async (dir) => {
    const authority = await makeAuthority();
    const [good, other] = [await authority.writeServer('good'), await authority.writeServer('other')];
    const expired = await authority.writeServer('expired', { nowMs: Date.now() - 91 * 24 * 3_600_000 });
    const broken = await authority.writeServer('broken');
    await appendFile(broken.cert, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    const pipe = join(dir, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const cases: [{ cert: string; key: string }, RegExp][] = [
      [
        { cert: good.cert, key: other.key },
        /--tls-key: .*other-key\.pem is not the key of the certificate in .*good\.pem/,
      ],
      [expired, /--tls-cert: the certificate in .*expired\.pem has expired, on 20/],
      [{ cert: join(dir, 'nowhere'), key: good.key }, /--tls-cert: .*nowhere cannot be read: ENOENT/],
      [broken, /--tls-cert: the certificate in .*broken\.pem cannot be used: /],
      [{ cert: pipe, key: good.key }, /--tls-cert: .*pipe is no regular file/],
      [{ cert: good.cert, key: good.cert }, /--tls-key: .*good\.pem holds no private key/],
    ];
    for (const [{ cert, key }, rule] of cases) {
      const up = start([
        'up',
        '--data',
        dir,
        '--port',
        '0',
        '--engine',
        'simulated',
        '--tls-cert',
        cert,
        '--tls-key',
        key,
      ]);
      assert.is(await up.code, 2, up.errors());
      assert.match(up.errors(), rule);
    }
    await authority.remove();
  }),
);

test(
  'what up leaves is for its user alone, and what others could read is closed or named',
  inFolder(async (dir) => {
    const [data, tokens] = [join(dir, 'data'), join(dir, 'tokens')];
    await mkdir(data);
    await chmod(data, 0o755);
    await writeFile(tokens, 'ada:write:0123456789abcdef\n');
    await chmod(tokens, 0o644);
    const up = await startUp(data, '--tokens', tokens);
    assert.match(up.output(), /data could be read by other users/);
    assert.match(up.errors(), /^warning: the tokens in .*: chmod 600 /m);
    const modes = await Promise.all(
      ['.', ...(await readdir(data))].map(async (name) => [name, (await stat(join(data, name))).mode & 0o077]),
    );
    assert.equal(
      modes.filter(([, others]) => others !== 0),
      [],
    );
    assert.is(await stop(up, 'SIGTERM'), 0);
  }),
);

test(
  'up tells its steps, is ready with all workers, says when nothing really runs, and stops on a signal',
  inFolder(async (dir) => {
    const up = await startUp(dir);
    const lines = up.output().trim().split('\n');
    assert.match(lines.at(-1) ?? '', /^ready http:\/\/127\.0\.0\.1:\d+ \(SIMULATED engine: no container runs\)$/);
    assert.equal(lines.filter((line) => line.endsWith(' is ready')).toSorted(), [
      'worker-1 is ready',
      'worker-2 is ready',
    ]);
    assert.is((await fetch(`${urlOf(up)}/readyz`)).status, 200);
    assert.is(await stop(up, 'SIGTERM'), 0);
    assert.match(up.output(), /SIGTERM: stopping/);
    for (const line of up.errors().trim().split('\n')) assert.type(JSON.parse(line), 'object');

    const again = await startUp(dir);
    assert.is(await stop(again, 'SIGINT'), 0);
    const [id] = /[0-9a-f-]{36}/.exec(up.output()) ?? [];
    assert.ok(id && again.output().includes(id), 'the same cluster goes on');
  }),
);

test(
  'a second one on the same data is refused with the first, and so is one on a port in use',
  inFolder(async (dir) => {
    const up = await startUp(dir);
    const second = await startUp(dir);
    assert.is(await second.code, 1);
    assert.match(
      second.errors(),
      new RegExp(`^process ${up.process.pid} runs a cluster on .* \\(data_in_use\\)$`, 'm'),
    );

    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const third = await startUp(join(dir, 'other'), '--port', String(port));
    assert.is(await third.code, 1);
    assert.match(third.errors(), new RegExp(`port ${port} of 127.0.0.1 is in use .*\\(port_taken\\)`));
    other.close();
    assert.is(await stop(up, 'SIGTERM'), 0);
  }),
);

test(
  'an agent without its broker runs, says nothing wrong, and stops on a signal',
  inFolder(async () => {
    const agent = start(['agent', '--node', 'worker-3', '--engine', 'simulated'], {
      CO_AMQP_URL: 'amqp://root:hunter2@127.0.0.1:9',
      CO_CLUSTER_ID: '5c9a1f0e-7d43-4b86-9f21-0e6d3a8b7c15',
    });
    await until('it says that the broker is away', () => /bus problem/.test(agent.errors()), startDeadlineMs);
    assert.match(agent.output(), /^agent of worker-3, engine: SIMULATED/);
    assert.not.match(agent.errors(), /hunter2/);
    assert.is(await stop(agent, 'SIGTERM'), 0);
  }),
);

test(
  'wrong usage ends with 2, the rule and the way to the help; help and version end with 0',
  inFolder(async () => {
    const wrong = start(['up', '--port', 'x']);
    assert.is(await wrong.code, 2);
    assert.match(wrong.errors(), /^error: --port must be .*\n\(--help says how\)\n$/);
    assert.is(wrong.output(), '');
    const help = start(['--help']);
    assert.is(await help.code, 0);
    assert.match(help.output(), /^Usage: /);
    const version = start(['--version']);
    assert.is(await version.code, 0);
    assert.match(version.output(), /^\d+\.\d+\.\d+\n$/);
  }),
);

test.run();
