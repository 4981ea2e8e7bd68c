/** `coctl apply` and `coctl plan`: files of ours and of Compose, onto a whole cluster on the simulated engine. */

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of compose files look so.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Api, createApi } from '../../support/cluster/api.ts';
import { coctl } from '../../support/cluster/cli.ts';
import { type RunningCluster, startCluster } from '../../support/cluster/cluster.ts';

const test = suite('coctl apply');
let folder: string;
let cluster: RunningCluster;
let api: Api;

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'co-apply-'));
  cluster = await startCluster({ dataDir: join(folder, 'data'), engine: 'simulated', socketPath: '', workers: 3 });
  api = createApi(cluster.url);
  await mkdir(join(folder, 'shop'));
});
test.after(async () => {
  await cluster.purge();
  await rm(folder, { recursive: true });
});

const names = async () =>
  (await api.get<{ services: { serviceName: string }[] }>('/service_state')).services.map(
    ({ serviceName }) => serviceName,
  );
test.after.each(async () => {
  for (const name of await names()) await api.call('DELETE', `/service/${name}`);
  for (const name of await names()) await api.gone(name);
});

const path = (name: string) => join(folder, 'shop', name);
const write = (name: string, text: string) => writeFile(path(name), text);
/** Nothing here takes long; what hangs fails. */
const deadline = ['--timeout', '20s'];
const run = (args: string, environment = {}) =>
  coctl(
    [
      ...args.split(' ').map((arg) => (arg.includes('.') ? path(arg) : arg)),
      ...(args.includes('plan') || args.includes('--timeout') ? [] : deadline),
    ],
    {
      environment: { CO_URL: cluster.url, ...environment },
    },
  );
type Detail = {
  replicas: number;
  mode: string;
  container: { env: object; labels: object; image: string; args?: string[] };
};
const detail = (name: string) => api.get<Detail>(`/service/${name}`);

const shop = `
name: shop
x-logging: &logging
  logging: { driver: json-file, options: { max-size: 1m } }
services:
  web:
    <<: *logging
    image: nginx:\${TAG:-1.27}
    ports: ["80"]
    environment: { API: http://api, FROM_SHELL: }
    depends_on: { api: { condition: service_healthy } }
    deploy: { replicas: 3, resources: { limits: { memory: 64M } }, update_config: { monitor: 0s } }
    networks: [front]
  api:
    image: api:1
    env_file: api.env
    depends_on: [migrate, cache]
  cache:
    image: redis:7
    command: redis-server --save ""
  migrate:
    image: api:1
    command: ["migrate"]
  debug:
    image: busybox
    profiles: [debug]
networks: { front: }
`;

test('a compose file of several services runs, in the order of what depends on what', async () => {
  await write('compose.yaml', shop);
  await write('api.env', '# secrets are elsewhere\nMODE=production\n');
  const { code, out, err } = await run('apply -f compose.yaml', { FROM_SHELL: 'yes', TAG: '' });
  assert.is(code, 0, err);
  assert.match(err, /^not honoured: services\.web\.networks: services have no network of their own/m);
  assert.match(err, /^not honoured: services\.debug: it is of the profile debug/m);
  assert.match(out, /^web has converged: 3 of 3 running, generation 1$/m);
  assert.equal(await names(), ['api', 'cache', 'migrate', 'web']);
  const web = await detail('web');
  assert.is(web.container.image, 'nginx:1.27');
  assert.equal(web.container.env, { API: 'http://api', FROM_SHELL: 'yes' });
  assert.equal(web.container.labels, { 'coctl.project': 'shop' });
  assert.equal((await detail('api')).container.env, { MODE: 'production' });
  assert.equal((await detail('cache')).container.args, ['redis-server', '--save', '']);
  const requested = await api.events('type=ServiceRequested');
  const order = requested.map(({ data }) => (data as { service: string }).service);
  assert.equal(
    [order.slice(0, 2).sort(), order.slice(2)],
    [
      ['cache', 'migrate'],
      ['api', 'web'],
    ],
  );
});

test('again it changes nothing, and a plan says so', async () => {
  await write('compose.yaml', shop);
  assert.is((await run('apply -f compose.yaml')).code, 0);
  const { code, out } = await run('plan -f compose.yaml');
  assert.equal([code, out], [0, 'nothing would change\n']);
  const before = (await api.events('type=ServiceRequested')).length;
  const again = await run('apply -f compose.yaml');
  assert.is(again.code, 0, again.err);
  const later = (await api.events('type=ServiceRequested')).slice(before);
  assert.equal(
    later.map(({ data }) => (data as { changed: boolean }).changed),
    [false, false, false, false],
  );
});

test('a plan shows each difference and what would move, and changes nothing', async () => {
  await write('compose.yaml', shop);
  await run('apply -f compose.yaml');
  await write(
    'more.yaml',
    'services: { web: { environment: { API: http://other }, scale: 1, deploy: { replicas: 5 } }, job: { image: a } }',
  );
  const { code, out, err } = await run('plan -f compose.yaml -f more.yaml');
  assert.is(code, 1, err);
  assert.match(
    out,
    /^~ web\n {4}~ replicas: 3 → 5\n {4}~ container\.env\.API: "http:\/\/api" → "http:\/\/other"\n\+ job$/m,
  );
  assert.match(out, /^ {4}\+ container\.image: "a"$/m);
  assert.match(out, /job\.1 is placed on worker-\d/);
  assert.is((await detail('web')).replicas, 3);
  const dry = await run('apply -f compose.yaml -f more.yaml --dry-run');
  // A heartbeat may come between: the position they start from differs then.
  const planOf = (text: string) => text.replace(/^from position .*$/m, '');
  assert.is(planOf(dry.out), planOf(out));
});

test('--prune removes what the files of the project no longer have, and nothing else', async () => {
  await write('compose.yaml', shop);
  await run('apply -f compose.yaml');
  await api.ask({ serviceName: 'other', replicas: 1, image: 'nginx' });
  await write('less.yaml', 'name: shop\nservices: { cache: { image: redis:7, command: redis-server --save "" } }');
  const planned = await run('plan -f less.yaml --prune');
  assert.match(planned.out, /^- api\n- migrate\n- web$/m);
  const { code, out, err } = await run('apply -f less.yaml --prune');
  assert.is(code, 0, err);
  assert.match(out, /^web is removed$/m);
  assert.equal(await names(), ['cache', 'other']);
});

test('what a container cannot do without is refused, unless the rest is wanted', async () => {
  await write(
    'volumes.yaml',
    'services: { db: { image: postgres, volumes: ["data:/var/lib/postgresql"] } }\nvolumes: { data: }',
  );
  const refused = await run('apply -f volumes.yaml');
  assert.is(refused.code, 2);
  assert.match(refused.err, /not honoured: services\.db\.volumes\[0\]: there are no volumes/);
  assert.match(refused.err, /services\.db\.volumes\[0\] cannot be left out without --partial/);
  assert.equal(await names(), []);
  assert.is((await run('apply -f volumes.yaml --partial')).code, 0);
});

test('what is left out is named once, with what to do instead', async () => {
  await write(
    'named.yaml',
    `services:
  web: { image: nginx, configs: [app], volumes: ["./data:/data"], deploy: { placement: { constraints: ["node.role == manager"] } } }
networks: { default: { driver: overlay } }
configs: { app: { content: x } }
volumes: { data: { driver: local } }
secrets: { pw: { file: pw.txt } }`,
  );
  const { code, err } = await run('apply -f named.yaml --partial --dry-run');
  assert.is(code, 1, err);
  const notes = Array.from(err.matchAll(/^not honoured: (\S+): (.*)$/gm), ([, field, why]) => [field, why] as const);
  const role = 'services.web.deploy.placement.constraints[0]';
  assert.equal(notes.map(([field]) => field).sort(), [
    ...['networks', 'secrets', 'services.web.configs', role, 'services.web.volumes[0]'],
  ]);
  const why = Object.fromEntries(notes);
  assert.match(why.networks!, /published ports/);
  assert.match(why.secrets!, /CO_SECRETS_DIR/);
  assert.match(why['services.web.configs']!, /environment .*--allow-bind/);
  assert.match(why['services.web.volumes[0]']!, /\.\/data is a folder beside the file.*--allow-bind/);
  assert.match(why[role]!, /^node\.role == manager is none of node\.id, /);
});

test('when the first do not come, those that depend on them are not started', async () => {
  await write('bad.yaml', 'services: { web: { image: nginx, depends_on: [db] }, db: { image: missing/db } }');
  const { code, err } = await run('apply -f bad.yaml --timeout 2s');
  assert.is(code, 4);
  assert.match(err, /^not started, for they depend on it: web$/m);
  assert.match(err, /^db did not converge: not within 2 s/m);
  assert.equal(await names(), ['db']);
});

test('services of ours come in YAML and JSON, one a document or many', async () => {
  await write(
    'one.yaml',
    'serviceName: a\nreplicas: 2\ncontainer: { image: nginx }\n---\nserviceName: b\ncontainer: { image: nginx }\n',
  );
  await write('two.json', JSON.stringify({ services: [{ serviceName: 'c', container: { image: 'nginx' } }] }));
  const { code, err } = await run('apply -f one.yaml -f two.json');
  assert.is(code, 0, err);
  assert.equal(await names(), ['a', 'b', 'c']);
  assert.match((await run('apply -f two.json --prune')).err, /name it with --project/);
  await run('apply -f one.yaml --project mine');
  assert.is((await run('apply -f two.json --project mine --prune')).code, 0);
  assert.equal(await names(), ['c']);
});

test('a service extends one of another file', async () => {
  await write('base.yaml', 'services: { base: { image: nginx, environment: { A: "1", B: "1" }, command: [a] } }');
  await write('child.yaml', 'services: { web: { extends: { service: base, file: base.yaml }, environment: [B=2] } }');
  assert.is((await run('apply -f child.yaml')).code, 0);
  const { container } = await detail('web');
  assert.equal([container.env, container.args], [{ A: '1', B: '2' }, ['a']]);
  await write('circle.yaml', 'services: { a: { extends: b }, b: { extends: a } }');
  assert.match((await run('apply -f circle.yaml')).err, /extends goes round in a circle/);
});

for (const [text, words] of [
  ['services: { web: { image: nginx, imagee: a } }', /services\.web must NOT have additional properties "imagee"/],
  ['services: { web: { image: [a] } }', /services\.web\.image must be string/],
  ['services: { web: { image: nginx, ports: [{ target: [] }] } }', /services\.web\.ports\[0\]\.target must be/],
  ['services: {web: {image: a}, web: {image: b}}', /Map keys must be unique/],
  ['services: [', /bad\.yaml: /],
  ['a: &a [*a]', /bad\.yaml: it is nested more than 40 deep/],
  ['{}', /defines no service/],
  ['services: {web: {image: x, depends_on: [db]}}', /services\.web\.depends_on: there is no service db/],
  ['services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}}', /in a circle: a, b/],
  ['services: {web: {image: x, ulimits: {nofile: many}}}', /services\.web\.ulimits\.nofile is a number/],
  ['services: [{serviceName: web}]', /services\[0\] has no serviceName and container/],
  ['services: { web: { image: !reset nginx } }', /Unresolved tag: !reset/],
  ['services: { web: { image: "${TAG:?which one}" } }', /the variable TAG is required: which one/],
  ['include: [a.yaml]\nservices: { web: { image: a } }', /not honoured: include: give each file with -f/],
  ['services: [{serviceName: web, container: {image: nginx, colour: red}}]', /services\.web\.container\.colour/],
] as const) {
  test(`${text} is refused by name`, async () => {
    await write('bad.yaml', text);
    const { code, err } = await run('apply -f bad.yaml');
    assert.is(code, 2, err);
    assert.match(err, words);
  });
}

test('a file that is not there is said', async () => {
  const { code, err } = await run('apply -f none.yaml');
  assert.is(code, 3);
  assert.match(err, /^there is no file .*none\.yaml \(file_missing\)$/m);
  await write('env.yaml', 'services: { web: { image: nginx, env_file: none.env } }');
  const environment = await run('plan -f env.yaml');
  assert.is(environment.code, 3);
  assert.match(environment.err, /^services\.web\.env_file: there is no file .*none\.env \(file_missing\)$/m);
  assert.is((await run('apply')).code, 2);
});

test.run();
