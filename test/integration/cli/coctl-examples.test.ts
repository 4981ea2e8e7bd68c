/** Every example of every help is typed as it stands, but for names that a cluster gives, and ends as it should. */

import { cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { toArguments } from '../../../src/cli/compose/values.ts';
import { readConfig } from '../../../src/daemon/config.ts';
import { type LocalCluster, startLocalCluster } from '../../../src/daemon/local-cluster.ts';
import { silentLogger } from '../../../src/logger.ts';
import { type Api, createApi } from '../../support/cluster/api.ts';
import { coctl } from '../../support/cluster/cli.ts';
import { type Ended, readExamples, runInShell } from '../../support/cluster/cli-examples.ts';
import { startApi, type TestApi } from '../../support/http/http.ts';
import { openMemoryLog } from '../../support/http/http-logs.ts';
import { mongodbUrl } from '../../support/log/logs.ts';
import { beginFile, emptyDatabase, recordDatabase } from '../../support/log/recorded-log.ts';
import { until } from '../../support/wait.ts';

const test = suite('coctl: examples');
const examples = readExamples();
const root = { name: 'root', token: 'root-token-of-the-file', scope: 'admin' as const };
/** Nothing here takes long. */
const deadlineMs = 30_000;
const oldMs = 3 * 86_400_000;

let folder: string;
let cluster: LocalCluster;
let api: Api;
/** Its callers have tokens. */
let guarded: TestApi;
/** One with a history, and an empty one. */
let recorded: ReturnType<typeof emptyDatabase> | null = null;
let empty: ReturnType<typeof emptyDatabase> | null = null;
/** When the services had converged; and names that only this cluster has. */
let then: { position: number; at: string };
let later: { position: number };
let containerThen: string;
let head: string;
let token: string;

const at = (...names: string[]) => join(folder, ...names);

const files: Record<string, string> = {
  'compose.yaml': 'services: { front: { image: nginx, environment: { A: "1" } } }',
  'production.yaml': 'services: { front: { environment: { A: "2" } } }',
  'shop.yaml': 'serviceName: shop\ncontainer: { image: nginx }',
  'token.txt': 'secret\n',
  '.shop-token': 'secret\n',
  file: 'input\n',
};

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'co-examples-'));
  for (const name of ['data', '.zfunc', '.config/fish/completions', 'etc']) await mkdir(at(name), { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(at(name), text);
  process.chdir(folder);
  await beginFile(at('data/events.sqlite'), Date.now() - oldMs);
  const options = ['--data', at('data'), '--engine', 'simulated', '--workers', '3', '--port', '0', '--cluster', 'test'];
  const onFatal = (error: Error) => {
    throw error;
  };
  const config = readConfig(options, {});
  cluster = await startLocalCluster(config, { logger: silentLogger, onProgress: () => {}, onFatal });
  api = createApi(cluster.manager.url);
  guarded = await startApi(await openMemoryLog(), { tokens: [root] });
  await settle();
  for (const image of ['nginx:1', 'nginx']) await change('/service/web', { container: { image } });
  then = await api.get('/state');
  containerThen = await oneOfWeb();
  await succeed('coctl export begun.ndjson');
  await succeed('coctl import begun.ndjson --sqlite copy.sqlite');
  head = /^.*hash.* ([0-9a-f]{64})/m.exec((await succeed('coctl verify')).out)![1]!;
  await change('/service/web', { replicas: 3 });
  later = await api.get('/state');
  await issueToken();
  if (mongodbUrl) recorded = await recordDatabase(mongodbUrl, `co-test-${process.pid}-examples`);
  if (mongodbUrl) empty = emptyDatabase(mongodbUrl, `co-test-${process.pid}-imported`);
});
test.after(async () => {
  await cluster.close();
  await guarded.close();
  await guarded.log.close();
  await recorded?.remove();
  await empty?.remove();
  await rm(folder, { recursive: true });
});

const oneOfWeb = async () => (await api.containers('web'))[0]!.container;

async function issueToken(): Promise<void> {
  const headers = { authorization: `Bearer ${root.token}` };
  token = (await guarded.call('POST', '/token', { body: { name: 'ci', scopes: ['read'] }, headers })).body.token;
}

const base = {
  web: { replicas: 2, container: { image: 'nginx' }, update: { minHealthySeconds: 0, parallelism: '100%' } },
  api: { replicas: 1, container: { image: 'nginx' } },
};

/** Two services that run, and nothing else; every node is used. */
async function settle(): Promise<void> {
  const services = Object.entries(base).map(([serviceName, spec]) => ({ serviceName, ...spec }));
  for (const { serviceName } of (await api.get<{ services: { serviceName: string }[] }>('/service_state')).services) {
    if (serviceName in base) continue;
    await api.call('DELETE', `/service/${serviceName}`);
    await api.gone(serviceName);
  }
  await cluster.agents.bringBack('worker-2');
  for (const { node, availability } of await api.nodes()) {
    if (availability !== 'active') await api.call('POST', `/node/${node}/activate`);
  }
  await api.call('POST', '/service', { services });
  for (const { serviceName } of services) await api.converged(serviceName);
}

async function change(path: string, body: object): Promise<void> {
  await api.call('PATCH', path, body);
  await api.converged(path.split('/').at(-1)!);
}

/** What stands for names, times and places that are of a cluster, and of a machine. */
async function typed(line: string): Promise<string> {
  const container = line.includes('--at') || !line.includes('web.1-4k') ? containerThen : await oneOfWeb();
  const generation = (await api.service('web'))?.generation ?? 1;
  const names: [RegExp, string][] = [
    [/\b15001\b/, `${then.position + 1}`],
    [/\b1800\b/, `${later.position}`],
    [/\b1500\b/g, `${then.position}`],
    [/\b1400\b/, `${then.position - 5}`],
    [/"?2026-01-31[T ]14:0[03](:00Z)?"?|14:00/g, then.at],
    [/web\.1-4k/, container],
    [/--to 3/, `--to ${generation - 1}`],
    [/sha256:9a1c…/, `sha256:${'9a'.repeat(32)}`],
    [/5f0c…/, head],
    [/3f09a1b2c4d5/, token],
    [/\/etc\/bash_completion\.d/, at('etc')],
    [/mongodb:\/\/db\/co/, (line.startsWith('coctl import') ? empty : recorded)?.url ?? ''],
  ];
  return names.reduce((text, [pattern, name]) => text.replace(pattern, name), line);
}

const environmentOf = (line: string): Record<string, string> => ({
  ...{ CO_CONTEXTS: at('contexts.json'), EDITOR: 'true', HOME: folder },
  ...(/^coctl token/.test(line) ? { CO_URL: guarded.url, CO_TOKEN: root.token } : { CO_URL: api.url }),
});

/** In this process; a line with pipes and the like in a shell. @param stopWhen Ctrl-C then, or as soon as it shows something */
async function run(line: string, stopWhen?: Special['stopWhen']): Promise<Ended> {
  const environment = environmentOf(line);
  if (/[<>|~]/.test(line)) return runInShell(line, environment);
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  const timer = setTimeout(stop, deadlineMs);
  if (typeof stopWhen === 'function') void stopWhen().then(stop);
  const onOut = () => stopWhen === 'shown' && stop();
  const [, ...args] = toArguments('example', line);
  const ended = await coctl(args, { environment, signal: stopping.signal, onOut, input: 'exit\n' });
  clearTimeout(timer);
  return ended;
}

async function succeed(line: string): Promise<Ended> {
  const ended = await run(line);
  assert.is(ended.code, 0, `${line}: ${ended.err}`);
  return ended;
}

type Special = {
  before?: () => Promise<unknown>;
  /** Default 0. */
  code?: number;
  /** It goes on until Ctrl-C: as soon as it has shown something, or then. */
  stopWhen?: 'shown' | (() => Promise<unknown>);
};

const without = (service: string): Special => ({
  before: async () => {
    await api.call('DELETE', `/service/${service}`);
    await api.gone(service);
  },
});
const watched: Special = { stopWhen: 'shown', code: 130 };
const different: Special = { code: 1 };

/** Halfway, with one replica of two on the other image. */
const rollingOut = (update: object, more: () => Promise<unknown>): Special => ({
  before: async () => {
    await api.call('PATCH', '/service/web', { update: { minHealthySeconds: 2, parallelism: 1, ...update } });
    await api.call('PATCH', '/service/web', { container: { image: 'nginx:next' } });
    await more();
  },
});
const webIs = (state: string) => () =>
  until(`the rollout is ${state}`, async () => (await api.service('web'))?.rollout?.state === state);
const pauseWeb = async () => {
  await webIs('in progress')();
  await api.call('POST', '/service/web/rollout/pause');
};

/** @param isEnough when `worker-2` is as silent as it has to be */
const silent = (isEnough: () => Promise<boolean>): Special => ({
  before: async () => {
    await cluster.agents.cutOff('worker-2');
    await until('worker-2 is silent', isEnough, deadlineMs);
  },
});
const exported: Special = {
  before: async () => {
    await rm(at('log.ndjson.gz'), { force: true });
    await succeed('coctl export log.ndjson.gz');
  },
};
/** Interrupted as it is about to end. */
const halfExported: Special = {
  before: async () => {
    await exported.before!();
    await rename(at('log.ndjson.gz'), at('log.ndjson.partial.gz'));
  },
};
const notExported: Special = { before: () => rm(at('log.ndjson.gz'), { force: true }) };

/** In a folder of its own, where no manager writes. */
const elsewhere = (prepare: () => Promise<unknown>): Special => ({
  before: async () => {
    await exported.before!();
    await rm(at('elsewhere'), { recursive: true, force: true });
    await mkdir(at('elsewhere', 'data'), { recursive: true });
    process.chdir(at('elsewhere'));
    await prepare();
  },
});

const special: Record<string, Special> = {
  'coctl run web nginx --replicas 3 --port 80': without('web'),
  'coctl run api registry.example/api:7 --env MODE=production --memory 256m --health-http 8080/healthz': without('api'),
  // What a simulated engine runs never ends.
  'coctl run migrate web:1.27 --mode job -- ./migrate --all': {
    stopWhen: () => until('it runs', async () => (await api.containers('migrate', '&state=running')).length > 0),
    code: 130,
  },
  'coctl run db postgres:17 --constraint node.labels.disk==ssd --reserve-memory 1g': {
    before: () => api.call('PATCH', '/node/worker-1/labels', { disk: 'ssd' }),
  },
  'coctl plan -f compose.yaml': different,
  'coctl plan -f shop.yaml --prune --project shop': different,
  'coctl rollback web --to 3': { before: () => change('/service/web', { container: { image: 'nginx:1' } }) },
  'coctl rollout pause web': rollingOut({ canary: 1 }, webIs('in progress')),
  'coctl rollout resume web': rollingOut({}, pauseWeb),
  'coctl rollout promote web': rollingOut({ canary: 1 }, webIs('paused')),
  'coctl rollout abort web': rollingOut({}, pauseWeb),
  'coctl node lost worker-2': silent(
    async () => (await api.call('POST', '/node/worker-2/lost?dryRun=true')).status === 200,
  ),
  'coctl node rm worker-2': silent(
    async () => (await api.nodes()).find(({ node }) => node === 'worker-2')?.state === 'lost',
  ),
  'coctl ps web --watch': watched,
  'coctl services --watch': watched,
  'coctl top web --watch': watched,
  'coctl logs web -f': watched,
  'coctl events -f --service web': watched,
  'coctl ps web --at 5m -o wide': different, // It was requested just now.
  'coctl history web --file log.ndjson.gz': exported,
  'coctl diff 2026-01-31T14:00:00Z': different,
  'coctl diff 5m': different,
  'coctl diff 1500 1800': different,
  'coctl diff 1500 --offline': different,
  'coctl whatif --failing-image web=nginx:2': different,
  'coctl export log.ndjson.gz': notExported,
  'coctl export log.ndjson.gz --resume': halfExported,
  'coctl import log.ndjson.gz --sqlite data/events.sqlite': elsewhere(() => cp('../log.ndjson.gz', 'log.ndjson.gz')),
  'coctl prune --older-than 24h --vacuum': elsewhere(() =>
    succeed('coctl import ../log.ndjson.gz --sqlite data/events.sqlite'),
  ),
  'coctl token revoke 3f09a1b2c4d5': { before: issueToken },
  'coctl token revoke ci': { before: issueToken },
  'coctl context use local': { before: () => succeed('coctl context add local --url http://127.0.0.1:5000') },
};

test('only examples are special', () => {
  const unknown = Object.keys(special).filter((line) => !examples.includes(line));
  assert.equal(unknown, []);
});

for (const line of examples) {
  const { before, code = 0, stopWhen } = special[line] ?? {};
  const needsDatabase = line.includes('mongodb://');
  (needsDatabase && !mongodbUrl ? test.skip : test)(line, async () => {
    process.chdir(folder);
    await settle();
    await before?.();
    const wanted = await typed(line);
    const ended = await run(wanted, stopWhen);
    assert.is(ended.code, code, `${wanted}\n${ended.out}\n${ended.err}`);
  });
}

test.run();
