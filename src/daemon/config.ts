/**
 * The configuration of a process: options of the command line over environment over defaults, checked once. Everything
 * after it trusts the types.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option as ProgramOption } from 'commander';
import { AppError } from '../errors.ts';
import type { Token } from '../http/request/auth.ts';
import type { HostAccess } from '../model/host-access.ts';
import type { NodeLabels } from '../model/node.ts';
import type { RebalancePolicy } from '../model/placement.ts';
import { createProgram, describeSetting, parseArguments } from '../process/arguments.ts';
import type { ClientTlsFiles } from '../tls/client-tls.ts';
import { type Option, optionGroups, options } from './config-options.ts';
import { readHostAccess } from './host-access-option.ts';
import { readNodeLabels, readRebalance } from './placement-options.ts';
import { readTlsConfig, type TlsConfig } from './tls/tls-config.ts';

/** In the data folder, unless another is given. */
export const secretsKeyFile = 'secrets.key';

export type EngineChoice = 'auto' | 'docker' | 'simulated';

export type Config = {
  cluster: string;
  /** Which log and which messages are ours. null: whatever the log says; a separate agent must be given it. */
  clusterId: string | null;
  host: string;
  port: number;
  /** Worker nodes beside the manager: worker-1 … worker-n. */
  workers: number;
  dataDir: string;
  engine: EngineChoice;
  /** Path of a unix socket, or `tcp://host:port`. */
  dockerAddress: string;
  /** Folder of ca.pem, cert.pem and key.pem; null: without TLS. */
  dockerCertPath: string | null;
  mongodbUrl: string | null;
  /** null: TLS as the URL says. */
  mongodbCa: string | null;
  amqpUrl: string | null;
  /** Paths. */
  amqpTls: ClientTlsFiles;
  /** Of an administrator of the broker: this manager lets nodes in. */
  amqpManagementUrl: string | null;
  /** Where agents reach the broker; null: as this manager does. */
  amqpAgentUrl: string | null;
  /** Of the manager an agent joins by, with the token and the authority for it. */
  joinUrl: string | null;
  joinToken: string | null;
  ca: string | null;
  /** Of the HTTP API; null: plain HTTP. */
  tls: TlsConfig | null;
  tokens: readonly Token[];
  /** Calls a second of one token; 0: no limit. */
  callsPerSecond: number;
  connectionsPerAddress: number;
  /** Where probes are answered beside the API; null: on the port of the API only. */
  healthPort: number | null;
  healthHost: string;
  /** Where they were read. */
  tokensPath: string | null;
  /** An operator says that this machine's clock is right, whatever its neighbours say. */
  isClockAccepted: boolean;
  secretsDir: string | null;
  /** What of this machine containers may use. */
  hostAccess: HostAccess;
  /** Of the nodes of this machine. */
  nodeLabels: NodeLabels;
  /** Of services that say nothing; null: none is moved. */
  rebalance: RebalancePolicy | null;
  /** Of the managers: what is stored beside the log is encrypted under it. */
  secretsKeyPath: string;
  heartbeatMs: number;
  nodeTimeoutMs: number;
  queueTimeoutMs: number;
  /** An engine that is silent for longer makes its node count as lost. */
  engineTimeoutMs: number;
  /** Rescheduling is paused for so long at most; null: until enough nodes are heard. */
  holdMs: number | null;
  /** Log time after which telemetry is emptied; 0 keeps it for ever. */
  telemetryRetentionMs: number;
  /** The one node an agent speaks for. */
  node: string | null;
  logLevel: string;
};

type OptionName = keyof typeof options;

/** Values as given on a command line, by option. */
export type GivenOptions = Partial<Record<OptionName, string>>;

/** Adds every option, each under its heading, with its variable and its default in the help. */
export function addConfigOptions(program: Command): Command {
  for (const [heading, names] of Object.entries(optionGroups)) {
    program.optionsGroup(heading);
    for (const name of names) program.addOption(toProgramOption(name));
  }
  return program.optionsGroup('');
}

function toProgramOption(name: OptionName): ProgramOption {
  const { env, fallback, absent = fallback, placeholder, help, isRepeatable }: Option = options[name];
  const option = new ProgramOption(`--${name} <${placeholder}>`, describeSetting(help, { fallback: absent, env }));
  return isRepeatable ? option.argParser(joinRepeated) : option;
}

const joinRepeated = (value: string, before?: string) => (before === undefined ? value : `${before},${value}`);

/** Of the parsed options those of the configuration. */
export function givenOptions(parsed: Readonly<Record<string, unknown>>): GivenOptions {
  const given = Object.keys(options).map((name) => [name, parsed[camelCase(name)]]);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

const camelCase = (name: string) => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/**
 * @param args what follows the command's name
 * @throws AppError `config_invalid` naming the option and the rule
 */
export function readConfig(args: readonly string[], variables: NodeJS.ProcessEnv): Config {
  return toConfig(parseOptions(args), variables);
}

/** @throws AppError `config_invalid` naming the option and the rule */
export function toConfig(given: GivenOptions, variables: NodeJS.ProcessEnv): Config {
  const environment = withFiles(variables);
  const text = (name: OptionName): string => given[name] ?? (environment[options[name].env] || options[name].fallback);
  const nameOf = (name: OptionName): string => (given[name] === undefined ? options[name].env : `--${name}`);
  const refuse = (name: OptionName, rule: string): never => refuseOption(nameOf(name), rule, text(name));
  const integer = (name: OptionName, min: number, max: number): number => {
    const value = /^\d{1,9}$/.test(text(name)) ? Number(text(name)) : Number.NaN;
    return value >= min && value <= max ? value : refuse(name, `must be a whole number from ${min} to ${max}`);
  };
  const matching = <T extends string>(name: OptionName, pattern: RegExp, rule: string): T =>
    (pattern.test(text(name)) ? text(name) : refuse(name, rule)) as T;
  const optional = <T>(name: OptionName, read: () => T): T | null => (text(name) === '' ? null : read());
  const path = (name: OptionName) => optional(name, () => text(name));
  const url = (name: OptionName, protocol: RegExp, rule: string) =>
    protocol.test(URL.parse(text(name))?.protocol ?? '') ? text(name) : refuse(name, `must be a URL of ${rule}`);
  const label = (name: OptionName): string =>
    matching(
      name,
      /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
      'must be a DNS label: a-z, 0-9 and -, at most 63 characters',
    );

  const heartbeatMs = integer('heartbeat-ms', 50, 60_000);
  const config: Config = {
    cluster: label('cluster'),
    clusterId: optional('cluster-id', () => matching('cluster-id', uuid, 'must be a uuid in lower case')),
    host: text('host'),
    port: integer('port', 0, 65_535),
    workers: integer('workers', 0, 100),
    dataDir: text('data'),
    engine: matching('engine', /^(auto|docker|simulated)$/, 'must be auto, docker or simulated'),
    dockerAddress: text('docker'),
    mongodbUrl: optional('mongodb', () => matching('mongodb', /^mongodb(\+srv)?:\/\//, 'must begin with mongodb://')),
    amqpUrl: optional('amqp', () => matching('amqp', /^amqps?:\/\//, 'must begin with amqp:// or amqps://')),
    dockerCertPath: path('docker-tls'),
    mongodbCa: path('mongodb-ca'),
    amqpTls: { ca: path('amqp-ca'), cert: path('amqp-cert'), key: path('amqp-key') },
    amqpManagementUrl: optional('amqp-management', () => url('amqp-management', /^https?:$/, 'http:// or https://')),
    amqpAgentUrl: optional('amqp-agents', () => url('amqp-agents', /^amqps?:$/, 'amqp:// or amqps://')),
    joinUrl: optional('join', () => url('join', /^https?:$/, 'https://')),
    joinToken: path('token'),
    ca: path('ca'),
    tls: readTlsConfig(path, nameOf),
    tokens: optional('tokens', () => readTokens(text('tokens'), nameOf('tokens'))) ?? [],
    callsPerSecond: integer('rate-limit', 0, 1_000_000),
    connectionsPerAddress: integer('connections-per-address', 8, 1_024),
    healthPort: optional('health-port', () => integer('health-port', 0, 65_535)),
    healthHost: text('health-host'),
    tokensPath: optional('tokens', () => text('tokens')),
    isClockAccepted: optional('accept-clock', () => matching('accept-clock', /^now$/, 'must be now')) !== null,
    secretsDir: optional('secrets', () => text('secrets')),
    hostAccess: readHostAccess(text, refuse),
    nodeLabels: readNodeLabels(text('label'), (rule) => refuse('label', rule)),
    rebalance: readRebalance(text('rebalance'), (rule) => refuse('rebalance', rule)),
    secretsKeyPath: path('secrets-key') ?? join(text('data'), secretsKeyFile),
    heartbeatMs,
    nodeTimeoutMs: integer('node-timeout-ms', 2 * heartbeatMs, 3_600_000),
    queueTimeoutMs: integer('queue-timeout-ms', 1_000, 3_600_000),
    engineTimeoutMs: integer('engine-timeout-ms', 1_000, 86_400_000),
    holdMs: integer('hold-seconds', 0, 86_400) * 1_000 || null,
    telemetryRetentionMs: integer('retention-hours', 0, 87_600) * 3_600_000,
    node: optional('node', () => label('node')),
    logLevel: matching('log-level', /^(debug|info|warn|error|silent)$/, 'must be debug, info, warn, error or silent'),
  };
  const { dockerCertPath, amqpTls, amqpUrl } = config;
  if (dockerCertPath !== null && !config.dockerAddress.startsWith('tcp://')) {
    refuse('docker-tls', 'goes with --docker tcp://host:port');
  }
  if (Object.values(amqpTls).some((file) => file !== null) && amqpUrl?.startsWith('amqp://')) {
    refuse('amqp', 'must begin with amqps:// for --amqp-ca, --amqp-cert and --amqp-key');
  }
  return config;
}

/**
 * What the options say, as variables: a process started with them reads the same, and passwords stay out of its
 * command line. @throws AppError `config_invalid`
 */
export function asEnvironment(given: GivenOptions): Record<string, string> {
  const entries = Object.entries(given) as [OptionName, string][];
  return Object.fromEntries(entries.map(([name, value]) => [options[name].env, value]));
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** URLs hold passwords: each may stand in a file, as container platforms hand out secrets. `CO_AMQP_URL_FILE` names it. */
function withFiles(variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const read: NodeJS.ProcessEnv = { ...variables };
  for (const name of [options.mongodb.env, options.amqp.env, options['amqp-management'].env, options.token.env]) {
    const file = variables[`${name}_FILE`];
    if (!file) continue;
    if (variables[name])
      throw new AppError('config_invalid', `${name} and ${name}_FILE are given: one of them is enough`);
    read[name] = readText(file, `${name}_FILE`).trim();
  }
  return read;
}

function readText(path: string, option: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new AppError('config_invalid', `${option}: ${path} cannot be read`, { cause: error });
  }
}

export function parseOptions(args: readonly string[]): GivenOptions {
  const parsed = parseArguments(addConfigOptions(createProgram('co', '')), args);
  return parsed.kind === 'run' ? givenOptions(parsed.options) : {};
}

/** Never repeats what may hold a password. */
function refuseOption(name: string, rule: string, value: string): never {
  const shown = value.includes('://') ? 'another URL' : JSON.stringify(value.slice(0, 80));
  throw new AppError('config_invalid', `${name} ${rule}, not ${shown}`, { details: { field: name, rule } });
}

const tokenLine = /^([a-z0-9][a-z0-9._-]{0,62}):(read|write|admin|secrets):([\x21-\x7e]{16,512})$/;

/** Empty lines and those that begin with # are comments. */
function readTokens(path: string, option: string): Token[] {
  const lineOf = new Map<string, number>();
  /** A token that two names share, or a name with two scopes, is likelier a slip than meant. */
  const refuseRepeated = (what: 'name' | 'token', value: string, line: number) => {
    const earlier = lineOf.get(`${what} ${value}`);
    if (earlier !== undefined) {
      const rule = `lines ${earlier} and ${line} of ${path} have the same ${what}`;
      throw new AppError('config_invalid', `${option}: ${rule}${what === 'name' ? `, ${value}` : ''}`);
    }
    lineOf.set(`${what} ${value}`, line);
  };
  const tokens = readText(path, option)
    .split(/\r?\n/)
    .flatMap((line, index) => {
      if (line.trim() === '' || line.startsWith('#')) return [];
      const [, name, scope, token] = tokenLine.exec(line) ?? [];
      if (name === undefined || token === undefined) {
        const rule =
          'must be name:scope:token, scope read, write, admin or secrets, the token at least 16 visible characters';
        throw new AppError('config_invalid', `${option}: line ${index + 1} of ${path} ${rule}`);
      }
      refuseRepeated('name', name, index + 1);
      refuseRepeated('token', token, index + 1);
      return [{ name, scope: scope as Token['scope'], token }];
    });
  if (tokens.length === 0) throw new AppError('config_invalid', `${option}: ${path} holds no token`);
  return tokens;
}
