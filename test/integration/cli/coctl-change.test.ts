/** `coctl` changes a whole cluster on the simulated engine: it waits until the cluster is there, and says why when it does not come. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Api, createApi } from '../../support/cluster/api.ts';
import { coctl } from '../../support/cluster/cli.ts';
import { type RunningCluster, startCluster } from '../../support/cluster/cluster.ts';
import { until } from '../../support/wait.ts';

const test = suite('coctl changes');
let folder: string;
let cluster: RunningCluster;
let api: Api;

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'co-change-'));
  cluster = await startCluster({ dataDir: folder, engine: 'simulated', socketPath: '', workers: 3 });
  api = createApi(cluster.url);
});
test.after(async () => {
  await cluster.purge();
  await rm(folder, { recursive: true });
});
test.after.each(async () => {
  for (const { serviceName } of (await api.get<{ services: { serviceName: string }[] }>('/service_state')).services) {
    await api.call('DELETE', `/service/${serviceName}`);
    await api.gone(serviceName);
  }
  for (const { node } of await api.nodes()) await api.call('POST', `/node/${node}/activate`);
});

const run = (...args: string[]) => coctl(args, { environment: { CO_URL: cluster.url } });
// biome-ignore lint/suspicious/noExplicitAny: members of every kind of service
type Spec = Record<string, any>;
/** One that proves itself at once: a test waits for nothing. */
const web = (more: string[] = []) => run('run', 'web', 'nginx', ...more);

async function ranWeb(replicas = 2): Promise<void> {
  const { code, err } = await web(['--replicas', `${replicas}`]);
  assert.is(code, 0, err);
  await api.call('PATCH', '/service/web', { update: { minHealthySeconds: 0, parallelism: '100%' } });
}

test('run waits until every replica runs, with a line for each step', async () => {
  const { code, out, err } = await web(['-r', '2', '-e', 'A=1', '-e', 'B=2', '-p', '80', '--', '-g', 'daemon off;']);
  assert.is(code, 0, err);
  assert.is(out, 'web has converged: 2 of 2 running, generation 1\n');
  assert.match(err, /^web\.1 on worker-\d: (queued|starting|running)$/m);
  assert.match(err, /^web\.2 on worker-\d: running$/m);
  const { container } = await api.get<{ container: { env: object; args: string[] } }>('/service/web');
  assert.equal(container.env, { A: '1', B: '2' });
  assert.equal(container.args, ['-g', 'daemon off;']);
});

test('run refuses to edit a service unless it is asked to', async () => {
  await ranWeb();
  const refused = await web();
  assert.is(refused.code, 1);
  assert.match(refused.err, /a service is called web already: --replace edits it/);
  assert.is((await web(['--replace', '--replicas', '1'])).code, 0);
  assert.is((await api.containers('web')).length, 1);
});

test('run reads variables from files, and the command line wins', async () => {
  const path = join(folder, 'a.env');
  await writeFile(path, '# of the team\nA=of the file\nB="two words"\n');
  assert.is((await web(['--env-file', path, '--env', 'A=of the line'])).code, 0);
  const { container } = await api.get<{ container: { env: object } }>('/service/web');
  assert.equal(container.env, { A: 'of the line', B: 'two words' });
});

test('run says where replicas run, how they are updated and what they may do', async () => {
  await api.call('PATCH', '/node/worker-2/labels', { zone: 'b' });
  const place = ['--constraint', 'node.labels.zone==b', '--max-per-node', '2', '--spread', 'zone'];
  const update = ['--update-order', 'stop-first', '--update-parallelism', '50%'];
  const rights = ['--no-init', '--read-only', '--tmpfs', '/run:size=1m', '--cap-drop', 'all', '--cap-add', 'NET_RAW'];
  const rest = ['--entrypoint', '/bin/server', '--hostname', 'web', '--reserve-memory', '64m', '--reserve-cpus', '0.1'];
  const { code, err } = await web(['-r', '2', ...place, ...update, ...rights, ...rest]);
  assert.is(code, 0, err);
  assert.equal(
    (await api.containers('web')).map(({ node }) => node),
    ['worker-2', 'worker-2'],
  );
  const { container, placement, update: updated } = await api.get<Spec>('/service/web');
  assert.equal([container.command, container.hostname], [['/bin/server'], 'web']);
  assert.equal([container.init, container.readOnly, container.capDrop], [false, true, ['ALL']]);
  assert.equal(container.resources, { reserve: { memoryBytes: 2 ** 26, cpus: 0.1 } });
  assert.equal(
    [placement.maxPerNode, placement.spread, updated.order, updated.parallelism],
    [2, 'node.labels.zone', 'stop-first', '50%'],
  );
});

test('a job with a schedule is accepted, and waits for its time', async () => {
  const { code, out, err } = await run(
    'run',
    'report',
    'nginx',
    '--schedule',
    '30 2 * * *',
    '--time-zone',
    'Europe/Berlin',
  );
  assert.is(code, 0, err);
  assert.match(out, /^report has converged, generation 1$/m);
  const { nextRunAt, schedule } = await api.get<Spec>('/service/report');
  assert.equal([schedule.cron, schedule.timeZone], ['30 2 * * *', 'Europe/Berlin']);
  assert.match(nextRunAt, /T0[01]:30:00/);
  const refused = await run('run', 'other', 'nginx', '--schedule', '61 * * * *');
  assert.equal([refused.code, /schedule\.cron must be a cron expression/.test(refused.err)], [2, true], refused.err);
});

test('scale changes several services and waits for all', async () => {
  await ranWeb();
  assert.is((await run('run', 'api', 'nginx')).code, 0);
  const { code, out, err } = await run('scale', 'web=4', 'api=2');
  assert.is(code, 0, err);
  const lines =
    /^web has converged: 4 of 4 running, generation \d+\napi has converged: 2 of 2 running, generation \d+\n$/;
  assert.match(out, lines);
  assert.is((await api.containers('web')).length, 4);
});

test('a change that names what does not exist says which were made before it', async () => {
  await ranWeb();
  const { code, err } = await run('scale', 'web=3', 'nothing=1');
  assert.is(code, 1);
  assert.match(err, /^web was changed before this was refused:\n.*no service is called nothing/);
});

test('an image that does not exist ends with 4 and the reason, and a rollback comes back', async () => {
  await ranWeb();
  const { code, out, err } = await run('set', 'image', 'web=missing/nginx:2');
  assert.is(code, 4, err);
  assert.is(out, '');
  assert.match(err, /^web did not converge: the rollout of generation \d+ is paused: .*missing\/nginx:2/m);
  const back = await run('rollback', 'web');
  assert.is(back.code, 0, back.err);
  assert.match(back.out, /^web has converged: 2 of 2 running, generation \d+$/m);
  const history = await run('rollout', 'history', 'web');
  assert.match(history.out, /^GENERATION +WHEN +BY +IMAGE/);
  assert.match(history.out, /^ +\d+ +20\d\d-.* nginx +2 +converged, as \d+/m);
  assert.match(history.out, /^ +\d+ +20.*missing\/nginx:2 +2 +(superseded|failed|paused)/m);
});

test('a rollback by the cluster itself is a failure of the change, with its reason', async () => {
  await ranWeb();
  await api.call('PATCH', '/service/web', { update: { minHealthySeconds: 0, onFailure: 'rollback' } });
  const { code, err } = await run('set', 'image', 'web=missing/nginx:2');
  assert.is(code, 4, err);
  assert.match(
    err,
    /^web did not converge: generation \d+ was replaced by generation \d+, because .*missing\/nginx:2/m,
  );
});

test('time that is over ends with 4, and with what is missing', async () => {
  const { code, err } = await run('run', 'web', 'missing/nginx', '--timeout', '2s');
  assert.is(code, 4, err);
  assert.match(err, /^web did not converge: not within 2 s: web\.1 failed .*missing\/nginx/m);
});

test('what no node takes ends with 4 and names the filters', async () => {
  const { code, err } = await run('run', 'web', 'nginx', '--memory', '900g');
  assert.is(code, 4, err);
  assert.match(err, /^web did not converge: no node for 1 of 1 replica: .*\(3 nodes\)/m);
});

test('--detach only asks, --dry-run does not even that', async () => {
  await ranWeb();
  const planned = await run('scale', 'web=5', '--dry-run');
  assert.is(planned.code, 0, planned.err);
  assert.match(planned.out, /nothing is changed/);
  assert.match(planned.out, /web\.5 is placed on worker-/);
  assert.is((await api.service('web'))?.replicas, 2);
  const { code, out } = await run('scale', 'web=5', '--detach');
  assert.is(code, 0);
  assert.match(out, /^web: generation \d+ is accepted\n$/);
  assert.match((await run('scale', 'web=5', '--detach')).out, /^web: generation \d+ is as it was\n$/);
});

test('--json has what was accepted and what became of it', async () => {
  await ranWeb();
  const { position, services } = (await run('scale', 'web=3', '--json')).json();
  assert.ok(position > 0);
  const [{ generation, ...only }, ...others] = services;
  assert.ok(generation > 1);
  assert.equal(others, []);
  assert.equal(only, { serviceName: 'web', changed: true, outcome: 'converged', reason: null });
  assert.is((await run('rm', 'web', '--json')).json().services[0].outcome, 'removed');
});

test('restart replaces every container, rm removes them and waits', async () => {
  await ranWeb();
  const before = (await api.containers('web')).map(({ container }) => container);
  assert.is((await run('restart', 'web')).code, 0);
  const after = (await api.containers('web')).map(({ container }) => container);
  assert.is(after.filter((id) => before.includes(id)).length, 0);
  const { code, out } = await run('rm', 'web');
  assert.equal([code, out], [0, 'web is removed\n']);
  assert.is(await api.service('web'), null);
  assert.is((await run('rm', 'web')).code, 1);
});

test('a rollout is paused, resumed and followed', async () => {
  await ranWeb();
  await api.call('PATCH', '/service/web', { update: { minHealthySeconds: 1, parallelism: 1 } });
  assert.is((await run('set', 'image', 'web=nginx:2', '--detach')).code, 0);
  await until('the rollout begins', async () => (await api.service('web'))?.rollout?.state === 'in progress');
  const paused = await run('rollout', 'pause', 'web');
  assert.is(paused.code, 0, paused.err);
  const status = await run('rollout', 'status', 'web');
  assert.is(status.code, 4);
  assert.match(status.err, /web did not converge: the rollout of generation \d+ is paused: person:local paused it/);
  assert.match(
    (await run('rollout', 'status', 'web', '--no-wait')).out,
    /^web +\d of 2 running, generation \d+: paused/,
  );
  assert.match((await run('rollout', 'resume', 'web')).out, /^web has converged: 2 of 2 running, generation \d+$/m);
  assert.is((await run('rollout', 'promote', 'web')).code, 1);
});

test('Ctrl-C ends the wait, and what was changed stays', async () => {
  const stopping = new AbortController();
  const running = coctl(['run', 'web', 'missing/nginx'], {
    environment: { CO_URL: cluster.url },
    signal: stopping.signal,
  });
  setTimeout(() => stopping.abort(), 1_500);
  const { code, err } = await running;
  assert.is(code, 130);
  assert.match(err, /what was changed stays so/);
  assert.ok(await api.service('web'));
});

for (const [line, words] of [
  ['scale web', /"web" is not of the form web=5/],
  ['scale web=many', /replicas are a whole number up to 10000, not "many"/],
  ['scale web=1 web=2', /web is given twice/],
  ['scale ../x=1', /"\.\.\/x" is not the name of a service/],
  ['run Web nginx', /"Web" is not the name of a service/],
  ['rollback web --to zero', /the number of a generation/],
  ['restart web --timeout soon', /--timeout takes 30s, 90m, 24h or 7d/],
] as const) {
  test(`coctl ${line} is wrong usage, and says why`, async () => {
    const { code, err } = await run(...line.split(' '));
    assert.is(code, 2, err);
    assert.match(err, words);
  });
}

test.run();
