/** `coctl ps`, `services`, `nodes`, `inspect` and `why` on a whole cluster: what is there, now and then, for people and programs. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { type Api, createApi } from '../../support/cluster/api.ts';
import { coctl } from '../../support/cluster/cli.ts';
import { type RunningCluster, startCluster } from '../../support/cluster/cluster.ts';
import { until } from '../../support/wait.ts';

const test = suite('coctl lists');
let folder: string;
let cluster: RunningCluster;
let api: Api;
/** Before the second service was requested. */
let position: number;

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'co-lists-'));
  cluster = await startCluster({ dataDir: folder, engine: 'simulated', socketPath: '', workers: 2 });
  api = createApi(cluster.url);
  await api.ask({ serviceName: 'web', replicas: 3, image: 'nginx' });
  await api.converged('web');
  ({ position } = await api.get<{ position: number }>('/state'));
  await api.ask({ serviceName: 'bad', replicas: 1, image: 'missing/bad' });
  await until('it failed four times', async () => (await api.events('type=ContainerFailed')).length >= 4);
});
test.after(async () => {
  await cluster.purge();
  await rm(folder, { recursive: true });
});

const run = (...args: string[]) => coctl(args, { environment: { CO_URL: cluster.url } });
const names = async (...args: string[]) => (await run(...args, '-o', 'name')).out.trim().split('\n');

test('services say how many run, since when, and why not', async () => {
  const { code, out, err } = await run('services');
  assert.is(code, 0, err);
  const [head, bad, web] = out.split('\n');
  assert.match(head!, /^SERVICE +RUNNING +STATUS .*GENERATION +AGE .*IMAGE +REASON$/);
  assert.match(bad!, /^bad +0\/1 +degraded .* 1 +\d+ [sm] .*missing\/bad +bad\.1 failed \d times in a row/);
  assert.match(web!, /^web +3\/3 +converged .* 1 +\d+ [sm] .*nginx +-$/);
});

test('ps shows what lives, and the last failure where nothing does', async () => {
  const ids = await names('ps');
  assert.equal(
    ids.map((id) => id.replace(/-\w+$/, '')),
    ['bad.1', 'web.1', 'web.2', 'web.3'],
  );
  const all = await names('ps', '--all');
  assert.ok(all.filter((id) => id.startsWith('bad.')).length >= 4);
  assert.is((await names('ps', 'web')).length, 3);
  const [first] = (await run('ps', '-o', 'json')).json().containers;
  assert.is(first.state, 'failed');
  assert.match(
    (await run('ps', 'bad')).out,
    /^bad\.1-\w+ +worker-\d +failed +\d+ [sm] +- +missing\/bad +image: pull access denied/m,
  );
});

test('a service that does not exist has no empty table', async () => {
  const { code, out, err } = await run('ps', 'wbe');
  assert.equal([code, out, err], [1, '', 'no service is called wbe (service_not_found)\n']);
  const before = await run('ps', 'bad', '--at', `${position}`);
  assert.equal([before.code, before.err], [1, 'no service was called bad (service_not_found)\n']);
});

test('who asks why of a slot is told where its containers are', async () => {
  const { code, err } = await run('why', 'web.1');
  assert.is(code, 2);
  assert.match(err, /^error: web\.1 is a slot: coctl ps web --all has the ids of what ran in it\n/);
});

test('lists are narrowed by node, service and state', async () => {
  const onFirst = (await run('ps', '--node', 'worker-1', '-o', 'json')).json().containers;
  assert.ok(onFirst.length > 0 && onFirst.every(({ node }: { node: string }) => node === 'worker-1'));
  assert.ok((await names('ps', '--state', 'failed')).length >= 4);
  assert.equal(await names('services', '--node', 'worker-2'), ['web']);
  assert.equal(await names('nodes', '--service', 'web'), ['worker-1', 'worker-2']);
});

test('each form holds the same; wide has times and more columns', async () => {
  const json = (await run('nodes', '-o', 'json')).json();
  const yaml = parse((await run('nodes', '-o', 'yaml')).out);
  assert.equal(
    yaml.nodes.map(({ lastHeardAt: _, ...node }: { lastHeardAt: string }) => node),
    json.nodes.map(({ lastHeardAt: _, ...node }: { lastHeardAt: string }) => node),
  );
  assert.match(
    (await run('nodes', '-o', 'wide')).out,
    /^worker-1 +ready +active +\d +20\d\d-\d\d-\d\d \d\d:.* +64 GiB +64 CPUs/m,
  );
  assert.equal((await run('node', 'ls')).out.split('\n')[0], (await run('nodes')).out.split('\n')[0]);
});

test('--at shows the past, by position and by time, with ages of then', async () => {
  assert.equal(await names('services', '--at', `${position}`), ['web']);
  assert.equal(await names('services', '--at', 'now'), ['bad', 'web']);
  const { code, err } = await run('services', '--at', 'noon');
  assert.equal([code, /--at takes a position/.test(err)], [2, true], err);
  assert.is((await run('ps', '--at', '5m', '--watch')).code, 2);
});

test('the log says the same without a manager', async () => {
  const log = ['--sqlite', join(folder, 'events.sqlite')];
  for (const args of [
    ['services', '-o', 'json'],
    ['nodes', '-o', 'name'],
    ['ps', 'web', '-o', 'json'],
    ['why', 'worker-1', '--json'],
  ]) {
    const at = ['--at', `${position}`];
    const [asked, read] = [await run(...args, ...at), await coctl([...args, ...at, ...log])];
    assert.is(read.code, 0, read.err);
    assert.is(read.out, asked.out, args.join(' '));
  }
  const byFolder = await coctl(['services', '-o', 'name', '--at', `${position}`, '--data', folder]);
  assert.is(byFolder.out, 'web\n', byFolder.err);
  assert.is((await coctl(['services', '--data', folder, ...log])).code, 2);
  const state = await coctl(['state', '--at', `${position}`, ...log]);
  assert.match(state.out, /^web +3\/3 +converged/m);
});

test('--watch shows another table when something changed, and ends with Ctrl-C', async () => {
  const stopping = new AbortController();
  let out = '';
  const watching = coctl(['services', '--watch', '-o', 'name'], {
    environment: { CO_URL: cluster.url },
    signal: stopping.signal,
    onOut: (text) => {
      out += text;
    },
  });
  await until('the first table', () => out !== '');
  await api.ask({ serviceName: 'later', replicas: 0, image: 'nginx' });
  await until('the second table', () => out.includes('later'));
  stopping.abort();
  assert.is((await watching).code, 130);
  assert.is(out, 'bad\nweb\n\nbad\nlater\nweb\n');
});

test('inspect has everything of a service, a node or a container', async () => {
  const service = parse((await run('inspect', 'web')).out);
  assert.equal([service.status, service.container.image], ['converged', 'nginx']);
  assert.is((await run('inspect', 'worker-1', '-o', 'json')).json().node, 'worker-1');
  const [id] = await names('ps', 'web');
  assert.is((await run('inspect', id!, '--json')).json().container, id);
  const { code, err } = await run('inspect', 'nothing');
  assert.equal([code, /no service and no node is called nothing/.test(err)], [1, true], err);
});

test('why answers for nodes, and groups attempts that went the same way', async () => {
  const why = await run('why', 'bad');
  assert.match(why.out, /^ +\d+ .* \d earlier attempts of bad\.1 went the same way: bad\.1-\w+/m);
  assert.is(why.out.split('\n').filter((line) => line.includes('got no image')).length, 1);
  const whole = await run('why', 'bad', '--all');
  assert.ok(whole.out.split('\n').filter((line) => line.includes('got no image')).length >= 4);
  await run('node', 'cordon', 'worker-2');
  const node = await run('why', 'worker-2');
  assert.match(
    node.out,
    /^worker-2 is ready and is cordoned, so nothing new is placed there: \d containers?; a local caller cordoned/,
  );
  assert.match(node.out, /^ +\d+ .*worker-2 joined/m);
  assert.match((await run('why', 'worker-9')).err, /no service was ever called worker-9/);
});

test('what failed is not shown any more when its service is gone', async () => {
  await run('rm', 'bad');
  assert.equal(
    (await names('ps')).filter((id) => id.startsWith('bad')),
    [],
  );
  assert.ok((await names('ps', '--all')).some((id) => id.startsWith('bad')));
});

/** Colours take no room. */
const seen = (text: string) => stripVTControlCharacters(text).split('\n');

for (const columns of [60, 100]) {
  test(`no line runs over a terminal of ${columns} characters, and none is lost`, async () => {
    const from = `${position}`;
    for (const line of [
      ...['ps', 'ps -o wide', 'services -o wide', 'nodes -o wide', 'state', 'node ls', 'context ls', 'top'],
      ...['why bad', 'why worker-1', 'history bad', 'events', `diff ${from}`, 'whatif --kill worker-1 --scale web=5'],
      ...['scale web=5 --dry-run', 'rollout history bad', 'ps nothing', 'nonsense', '--help', 'run --help'],
      ...['apply --help', 'whatif --help', 'replay --help', 'context --help'],
    ]) {
      const args = line.split(' ');
      const { out, err } = await coctl(args, { environment: { CO_URL: cluster.url }, columns });
      const long = seen(`${out}${err}`).filter((one) => one.length > columns);
      assert.equal(long, [], line);
      const narrower = await coctl(args, { environment: { CO_URL: cluster.url, COLUMNS: '50' }, columns });
      assert.ok(
        seen(`${narrower.out}${narrower.err}`).every((one) => one.length <= 50),
        `COLUMNS=50 coctl ${line}`,
      );
    }
    const why = ['why', 'web', '--at', from];
    const [prose, wrapped] = [await run(...why), await coctl(why, { environment: { CO_URL: cluster.url }, columns })];
    assert.is(wrapped.out.replace(/\s+/g, ''), prose.out.replace(/\s+/g, ''));
  });
}

test('what is copied or read by programs is not broken', async () => {
  const narrow = { environment: { CO_URL: cluster.url }, columns: 20 };
  const yaml = parse((await coctl(['nodes', '-o', 'yaml'], narrow)).out);
  assert.is(yaml.nodes[0].engineVersion, 'simulated: no container runs');
  assert.is((await coctl(['inspect', 'web', '-o', 'json'], narrow)).json().serviceName, 'web');
  assert.match((await coctl(['events', '--limit', '1', '--json'], narrow)).out, /^\{.{40,}\}\n$/);
});

test.run();
