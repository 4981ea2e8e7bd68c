/** That every option can be given both ways, that the option wins, and that a refusal names the option and the rule. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { addConfigOptions, asEnvironment, type Config, parseOptions, readConfig } from '../../../src/daemon/config.ts';
import { optionGroups, options } from '../../../src/daemon/config-options.ts';
import { AppError } from '../../../src/errors.ts';
import { createProgram } from '../../../src/process/arguments.ts';

const test = suite('config');
const dir = mkdtempSync(join(tmpdir(), 'co-config-'));
test.after(() => rmSync(dir, { recursive: true }));

const tokensFile = (name: string, content: string) => {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
};
const operator = 'operator:write:0123456789abcdef';
const good = tokensFile('good', `# who may do what\n\n${operator}\nwatcher:read:fedcba9876543210\n`);
const other = tokensFile('other', 'somebody:read:aaaaaaaaaaaaaaaa\n');
const id = '5c9a1f0e-7d43-4b86-9f21-0e6d3a8b7c15';
const otherId = '00000000-7d43-4b86-9f21-0e6d3a8b7c15';

type Row = { option: string; env: string; key: keyof Config; texts: [string, string]; values: [unknown, unknown] };
const row = (option: string, env: string, key: keyof Config, texts: [string, string], values?: [unknown, unknown]) => ({
  ...{ option, env, key, texts, values: values ?? texts },
});
const amqpTls = (given: object) => ({ ca: null, cert: null, key: null, ...given });
const access = (binds: string[], devices: string[] = []) => ({ binds, devices });
const rows: Row[] = [
  row('host', 'CO_HOST', 'host', ['10.0.0.1', '::1']),
  row('port', 'CO_PORT', 'port', ['5001', '0'], [5001, 0]),
  row('workers', 'CO_WORKERS', 'workers', ['3', '0'], [3, 0]),
  row('data', 'CO_DATA_DIR', 'dataDir', ['/var/lib/co', 'elsewhere']),
  row('engine', 'CO_ENGINE', 'engine', ['docker', 'simulated']),
  row('docker', 'CO_DOCKER_HOST', 'dockerAddress', ['tcp://engine:2375', '/run/other.sock']),
  row('mongodb', 'CO_MONGODB_URL', 'mongodbUrl', ['mongodb://a/co', 'mongodb+srv://b/co']),
  row('amqp', 'CO_AMQP_URL', 'amqpUrl', ['amqp://a', 'amqps://b']),
  row('mongodb-ca', 'CO_MONGODB_CA', 'mongodbCa', ['a.pem', 'b.pem']),
  row('amqp-ca', 'CO_AMQP_CA', 'amqpTls', ['a', 'b'], [amqpTls({ ca: 'a' }), amqpTls({ ca: 'b' })]),
  row('amqp-cert', 'CO_AMQP_CERT', 'amqpTls', ['a', 'b'], [amqpTls({ cert: 'a' }), amqpTls({ cert: 'b' })]),
  row('amqp-key', 'CO_AMQP_KEY', 'amqpTls', ['a', 'b'], [amqpTls({ key: 'a' }), amqpTls({ key: 'b' })]),
  row('amqp-management', 'CO_AMQP_MANAGEMENT_URL', 'amqpManagementUrl', ['http://a:b@c:15672', 'https://b']),
  row('amqp-agents', 'CO_AMQP_AGENT_URL', 'amqpAgentUrl', ['amqps://a', 'amqp://b']),
  row('join', 'CO_JOIN_URL', 'joinUrl', ['https://a:5000', 'http://127.0.0.1:5000']),
  row('token', 'CO_JOIN_TOKEN', 'joinToken', ['co_a', 'co_b']),
  row('ca', 'CO_CA', 'ca', ['ca.pem', 'sha256:00']),
  row('tls', 'CO_TLS', 'tls', ['auto', 'off'], [{ kind: 'auto', names: [], clientCa: null }, null]),
  row('cluster', 'CO_CLUSTER', 'cluster', ['shop', 'shop-2']),
  row('cluster-id', 'CO_CLUSTER_ID', 'clusterId', [id, otherId]),
  row('node', 'CO_NODE', 'node', ['worker-3', 'rack1-7']),
  row(
    'tokens',
    'CO_TOKENS_FILE',
    'tokens',
    [good, other],
    [
      [
        { name: 'operator', scope: 'write', token: '0123456789abcdef' },
        { name: 'watcher', scope: 'read', token: 'fedcba9876543210' },
      ],
      [{ name: 'somebody', scope: 'read', token: 'aaaaaaaaaaaaaaaa' }],
    ],
  ),
  row('rate-limit', 'CO_RATE_LIMIT', 'callsPerSecond', ['50', '0'], [50, 0]),
  row('connections-per-address', 'CO_CONNECTIONS_PER_ADDRESS', 'connectionsPerAddress', ['8', '1024'], [8, 1_024]),
  row('health-port', 'CO_HEALTH_PORT', 'healthPort', ['5050', '0'], [5_050, 0]),
  row('health-host', 'CO_HEALTH_HOST', 'healthHost', ['::1', '0.0.0.0']),
  row('accept-clock', 'CO_ACCEPT_CLOCK', 'isClockAccepted', ['now', 'now'], [true, true]),
  row('secrets', 'CO_SECRETS_DIR', 'secretsDir', ['/run/secrets', 'secrets']),
  row('allow-bind', 'CO_ALLOW_BIND', 'hostAccess', ['/srv', '/b,/a'], [access(['/srv']), access(['/a', '/b'])]),
  row(
    'allow-device',
    'CO_ALLOW_DEVICE',
    'hostAccess',
    ['/dev/x', '/dev/y'],
    [access([], ['/dev/x']), access([], ['/dev/y'])],
  ),
  row(
    'label',
    'CO_LABELS',
    'nodeLabels',
    ['zone=a', 'rack=3,zone=b'],
    [
      [{ name: 'zone', value: 'a' }],
      [
        { name: 'rack', value: '3' },
        { name: 'zone', value: 'b' },
      ],
    ],
  ),
  row(
    'rebalance',
    'CO_REBALANCE',
    'rebalance',
    ['2', '1/5'],
    [
      { maxMoves: 2, cooldownSeconds: 60 },
      { maxMoves: 1, cooldownSeconds: 5 },
    ],
  ),
  row('secrets-key', 'CO_SECRETS_KEY_FILE', 'secretsKeyPath', ['/etc/co/secrets.key', 'secrets.key']),
  row('heartbeat-ms', 'CO_HEARTBEAT_MS', 'heartbeatMs', ['500', '50'], [500, 50]),
  row('node-timeout-ms', 'CO_NODE_TIMEOUT_MS', 'nodeTimeoutMs', ['9000', '2000'], [9000, 2000]),
  row('engine-timeout-ms', 'CO_ENGINE_TIMEOUT_MS', 'engineTimeoutMs', ['1000', '90000'], [1000, 90_000]),
  row('hold-seconds', 'CO_HOLD_SECONDS', 'holdMs', ['0', '90'], [null, 90_000]),
  row('queue-timeout-ms', 'CO_QUEUE_TIMEOUT_MS', 'queueTimeoutMs', ['1000', '90000'], [1000, 90_000]),
  row('retention-hours', 'CO_TELEMETRY_RETENTION_HOURS', 'telemetryRetentionMs', ['0', '2'], [0, 7_200_000]),
  row('log-level', 'CO_LOG_LEVEL', 'logLevel', ['debug', 'silent']),
];

const optionLines = () =>
  addConfigOptions(createProgram('co', ''))
    .helpInformation()
    .split('\n')
    .filter((line) => /^ +--/.test(line));

test('without options and environment the defaults of the README hold', () => {
  assert.equal(readConfig([], {}), {
    ...{ cluster: 'co', clusterId: null, host: '127.0.0.1', port: 5000, workers: 5, dataDir: './data' },
    ...{ engine: 'auto', dockerAddress: '/var/run/docker.sock', mongodbUrl: null, amqpUrl: null },
    ...{
      tokens: [],
      callsPerSecond: 1_000,
      connectionsPerAddress: 512,
      healthPort: null,
      healthHost: '127.0.0.1',
      tokensPath: null,
      secretsDir: null,
      hostAccess: access([]),
      nodeLabels: [],
      rebalance: null,
      secretsKeyPath: 'data/secrets.key',
      isClockAccepted: false,
      heartbeatMs: 1000,
      nodeTimeoutMs: 5000,
      queueTimeoutMs: 60_000,
      engineTimeoutMs: 60_000,
      holdMs: null,
    },
    ...{ amqpManagementUrl: null, amqpAgentUrl: null, joinUrl: null, joinToken: null, ca: null },
    ...{ dockerCertPath: null, mongodbCa: null, amqpTls: amqpTls({}), tls: null },
    ...{ telemetryRetentionMs: 86_400_000, node: null, logLevel: 'info' },
  });
});

for (const { option, env, key, texts, values } of rows) {
  test(`--${option} and ${env} say the same, the option wins, an empty variable says nothing`, () => {
    const [first, second] = texts;
    assert.equal(readConfig([], { [env]: first })[key], values[0]);
    assert.equal(readConfig([`--${option}`, second], {})[key], values[1]);
    assert.equal(readConfig([`--${option}=${second}`], { [env]: first })[key], values[1]);
    assert.equal(readConfig([], { [env]: '' })[key], readConfig([], {})[key]);
    assert.equal(readConfig([], asEnvironment(parseOptions([`--${option}`, second])))[key], values[1]);
  });

  test(`the help has --${option} and ${env} on one line`, () => {
    const lines = optionLines();
    assert.is(lines.filter((line) => line.includes(`--${option} `) && line.includes(` ${env})`)).length, 1);
  });
}

/** They mean something with others only. */
const together = ['docker-tls', 'tls-names', 'tls-cert', 'tls-key', 'tls-client-ca'];

test('every option is in the table above, or among those that go together', () => {
  assert.is(optionLines().length, rows.length + together.length);
  for (const option of together) assert.ok(optionLines().some((line) => line.includes(` --${option} `)));
});

test('a certificate comes from files or from the own authority', () => {
  const files = { CO_TLS_CERT: 'cert.pem', CO_TLS_KEY: 'key.pem' };
  assert.equal(readConfig([], files).tls, { kind: 'files', cert: 'cert.pem', key: 'key.pem', clientCa: null });
  assert.equal(readConfig(['--tls-client-ca', 'ca.pem'], files).tls, {
    ...{ kind: 'files', cert: 'cert.pem', key: 'key.pem', clientCa: 'ca.pem' },
  });
  assert.equal(readConfig(['--tls', 'auto', '--tls-names', 'a.internal, 10.0.0.7,::1'], {}).tls, {
    ...{ kind: 'auto', names: ['a.internal', '10.0.0.7', '::1'], clientCa: null },
  });
});

test('TLS to the engine goes with its address', () => {
  const environment = { CO_DOCKER_HOST: 'tcp://engine:2376', CO_DOCKER_CERT_PATH: '/etc/docker' };
  assert.is(readConfig([], environment).dockerCertPath, '/etc/docker');
});

const tlsRefusals: [environment: Record<string, string>, rule: RegExp][] = [
  [{ CO_DOCKER_CERT_PATH: '/etc' }, /CO_DOCKER_CERT_PATH goes with --docker tcp:\/\/host:port/],
  [{ CO_AMQP_CA: 'a', CO_AMQP_URL: 'amqp://a' }, /CO_AMQP_URL must begin with amqps:\/\/ for --amqp-ca/],
  [{ CO_TLS: 'on' }, /CO_TLS: must be off or auto/],
  [{ CO_TLS_CERT: 'a' }, /CO_TLS_KEY: --tls-cert and --tls-key go together/],
  [{ CO_TLS_KEY: 'a' }, /CO_TLS_CERT: --tls-cert and --tls-key go together/],
  [{ CO_TLS: 'auto', CO_TLS_CERT: 'a', CO_TLS_KEY: 'b' }, /CO_TLS: auto makes a certificate/],
  [{ CO_TLS_NAMES: 'a' }, /CO_TLS_NAMES: goes with --tls auto/],
  [{ CO_TLS_CLIENT_CA: 'a' }, /CO_TLS_CLIENT_CA: goes with/],
  [{ CO_TLS: 'auto', CO_TLS_NAMES: 'a,under_score' }, /CO_TLS_NAMES: "under_score" is no host name and no address/],
];

for (const [environment, rule] of tlsRefusals) {
  test(`${JSON.stringify(environment)} is refused`, () => {
    assert.throws(
      () => readConfig([], environment),
      (error: Error) => rule.test(error.message),
    );
  });
}

const refusals: [option: string, env: string, text: string, rule: RegExp][] = [
  ['port', 'CO_PORT', '65536', /whole number from 0 to 65535/],
  ['port', 'CO_PORT', '5e3', /whole number/],
  ['port', 'CO_PORT', ' 1', /whole number/],
  ['workers', 'CO_WORKERS', '101', /from 0 to 100/],
  ['workers', 'CO_WORKERS', '1.5', /whole number/],
  ['engine', 'CO_ENGINE', 'podman', /auto, docker or simulated/],
  ['mongodb', 'CO_MONGODB_URL', 'http://root:hunter2@db', /must begin with mongodb:\/\//],
  ['amqp', 'CO_AMQP_URL', 'https://root:hunter2@broker', /must begin with amqp:\/\//],
  ['amqp-management', 'CO_AMQP_MANAGEMENT_URL', 'amqp://root:hunter2@broker', /must be a URL of http:\/\/ or https/],
  ['amqp-agents', 'CO_AMQP_AGENT_URL', 'broker', /must be a URL of amqp/],
  ['join', 'CO_JOIN_URL', 'manager:5000', /must be a URL of https/],
  ['cluster', 'CO_CLUSTER', 'My Shop', /DNS label/],
  ['cluster', 'CO_CLUSTER', 'a'.repeat(64), /at most 63/],
  ['cluster-id', 'CO_CLUSTER_ID', id.toUpperCase(), /uuid in lower case/],
  ['node', 'CO_NODE', 'worker_3', /DNS label/],
  ['heartbeat-ms', 'CO_HEARTBEAT_MS', '49', /from 50 to 60000/],
  ['node-timeout-ms', 'CO_NODE_TIMEOUT_MS', '1999', /from 2000 to/],
  ['engine-timeout-ms', 'CO_ENGINE_TIMEOUT_MS', '999', /from 1000 to/],
  ['label', 'CO_LABELS', 'zone', /must be NAME=VALUE/],
  ['rebalance', 'CO_REBALANCE', '0', /must be MOVES or MOVES\/SECONDS/],
  ['hold-seconds', 'CO_HOLD_SECONDS', '-1', /from 0 to/],
  ['queue-timeout-ms', 'CO_QUEUE_TIMEOUT_MS', '999', /from 1000 to/],
  ['retention-hours', 'CO_TELEMETRY_RETENTION_HOURS', '1.5', /whole number from 0 to/],
  ['log-level', 'CO_LOG_LEVEL', 'trace', /debug, info, warn, error or silent/],
  ['tokens', 'CO_TOKENS_FILE', join(dir, 'nowhere'), /nowhere cannot be read/],
  ['tokens', 'CO_TOKENS_FILE', tokensFile('empty', '# none\n'), /holds no token/],
  ['tokens', 'CO_TOKENS_FILE', tokensFile('short', `${operator}\nme:write:hunter2\n`), /line 2 .* at least 16/],
  [
    'tokens',
    'CO_TOKENS_FILE',
    tokensFile('twice', `${operator}\n# again\n${operator.replace(/.$/, 'x')}\n`),
    /lines 1 and 3 .* same name/,
  ],
  [
    'tokens',
    'CO_TOKENS_FILE',
    tokensFile('shared', `${operator}\nother:read:${operator.split(':')[2]}\n`),
    /lines 1 and 2 .* same token$/,
  ],
  [
    'tokens',
    'CO_TOKENS_FILE',
    tokensFile('scope', 'me:owner:hunter2hunter2hunter2\n'),
    /read, write, admin or secrets/,
  ],
];

const refusalOf = (read: () => unknown): AppError => {
  try {
    read();
  } catch (error) {
    assert.instance(error, AppError);
    return error as AppError;
  }
  throw new Error('it was not refused');
};

for (const [option, env, text, rule] of refusals) {
  test(`${option} ${JSON.stringify(text.replace(dir, '')).slice(0, 40)} is refused by name and rule`, () => {
    for (const [name, refusal] of [
      [`--${option}`, refusalOf(() => readConfig([`--${option}=${text}`], {}))],
      [env, refusalOf(() => readConfig([], { [env]: text }))],
    ] as const) {
      assert.is(refusal.code, 'config_invalid');
      assert.ok(refusal.message.startsWith(name), refusal.message);
      assert.match(refusal.message, rule);
      assert.not.match(refusal.message, /hunter2/);
    }
  });
}

for (const args of [['--colour', 'red'], ['stray'], ['--port'], ['--port', '1', '--prot', '2']]) {
  test(`${args.join(' ')} is refused: an unknown word is a mistake`, () => {
    assert.is(refusalOf(() => readConfig(args, {})).code, 'config_invalid');
    assert.is(refusalOf(() => parseOptions(args)).code, 'config_invalid');
  });
}

test('a URL that lost its option is not repeated with its password', () => {
  const { message } = refusalOf(() => readConfig(['amqp://root:hunter2@broker'], {}));
  assert.match(message, /broker/);
  assert.not.match(message, /hunter2/);
});

test('the time a node may be silent is at least two heartbeats', () => {
  assert.is(readConfig(['--heartbeat-ms', '2500', '--node-timeout-ms', '5000'], {}).nodeTimeoutMs, 5000);
  assert.match(refusalOf(() => readConfig(['--heartbeat-ms', '2501'], {})).message, /CO_NODE_TIMEOUT_MS .* from 5002/);
});

test('a URL may stand in a file, as secrets are handed out; both at once are refused, and no password is shown', () => {
  const path = join(dir, 'amqp-url');
  writeFileSync(path, 'amqp://worker-1:hunter2@rabbit/co\n');
  assert.is(readConfig([], { CO_AMQP_URL_FILE: path }).amqpUrl, 'amqp://worker-1:hunter2@rabbit/co');
  assert.is(readConfig(['--amqp', 'amqp://other'], { CO_AMQP_URL_FILE: path }).amqpUrl, 'amqp://other');
  for (const environment of [
    { CO_AMQP_URL_FILE: path, CO_AMQP_URL: 'amqp://b' },
    { CO_MONGODB_URL_FILE: join(dir, 'nowhere') },
    { CO_MONGODB_URL_FILE: path },
  ]) {
    try {
      readConfig([], environment);
      assert.unreachable(JSON.stringify(environment));
    } catch (error) {
      assert.is((error as AppError).code, 'config_invalid');
      assert.match((error as AppError).message, /CO_(AMQP|MONGODB)_URL/);
      assert.not.match((error as AppError).message, /hunter2/);
    }
  }
});

test('every option is under one heading of the help', () => {
  assert.equal(Object.values(optionGroups).flat().toSorted(), Object.keys(options).toSorted());
});

test.run();
