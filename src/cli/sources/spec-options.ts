/** The options of `coctl run` as the members of a service that a request has. Pure. */

import { AppError } from '../../errors.ts';

export type SpecOptions = {
  replicas?: number;
  mode?: string;
  port?: string[];
  env?: string[];
  label?: string[];
  memory?: string;
  cpus?: string;
  user?: string;
  workdir?: string;
  bind?: string[];
  healthCmd?: string;
  healthHttp?: string;
  healthTcp?: string;
  restart?: string;
  pull?: string;
};

/** As POST /service takes it. */
export type ServiceRequest = { serviceName: string; container: Record<string, unknown> } & Record<string, unknown>;

/** @throws AppError `usage_invalid` naming the option */
export function toServiceRequest(
  name: string,
  image: string,
  args: readonly string[],
  options: SpecOptions,
): ServiceRequest {
  const { replicas, mode, port, env, label, memory, cpus, user, workdir, bind, restart, pull } = options;
  const health = healthOf(options);
  const resources = {
    ...(memory === undefined ? {} : { memoryBytes: parseBytes('--memory', memory) }),
    ...(cpus === undefined ? {} : { cpus: parseCpus('--cpus', cpus) }),
  };
  return {
    serviceName: name,
    ...(mode === undefined ? {} : { mode }),
    ...(replicas === undefined ? {} : { replicas }),
    container: {
      image,
      ...(args.length === 0 ? {} : { args }),
      ...(env === undefined ? {} : { env: Object.fromEntries(env.map((text) => pairOf('--env', text))) }),
      ...(label === undefined ? {} : { labels: Object.fromEntries(label.map((text) => pairOf('--label', text))) }),
      ...(port === undefined ? {} : { ports: port.map((text) => parsePort('--port', text)) }),
      ...(Object.keys(resources).length === 0 ? {} : { resources }),
      ...(user === undefined ? {} : { user }),
      ...(workdir === undefined ? {} : { workdir }),
      ...(bind === undefined ? {} : { binds: bind.map((text) => parseBind('--bind', text)) }),
      ...(pull === undefined ? {} : { pull }),
    },
    ...(health === undefined ? {} : { health }),
    ...(restart === undefined ? {} : { restart: { condition: restart } }),
  };
}

function healthOf({ healthCmd, healthHttp, healthTcp }: SpecOptions): Record<string, unknown> | undefined {
  const given = [healthCmd, healthHttp, healthTcp].filter((text) => text !== undefined);
  if (given.length > 1) {
    throw new AppError('usage_invalid', 'a container has one check: --health-cmd, --health-http or --health-tcp');
  }
  if (healthCmd !== undefined) return { command: ['sh', '-c', healthCmd] };
  if (healthTcp !== undefined) return { tcp: { port: parsePortNumber('--health-tcp', healthTcp) } };
  if (healthHttp === undefined) return undefined;
  const [, port, path] = /^(\d{1,5})(\/.*)?$/.exec(healthHttp) ?? [];
  if (port === undefined) throw refusal('--health-http', 'a port and a path such as 8080/healthz', healthHttp);
  return { http: { port: parsePortNumber('--health-http', port), path: path ?? '/' } };
}

/** A variable without a value is an empty one. */
function pairOf(option: string, text: string): [string, string] {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw refusal(option, 'NAME=VALUE', text);
  return [name, value];
}

type Port = { container: number; host?: number; protocol?: string };

/** `80`, `8080:80`, `8080:80/udp`. @throws AppError `usage_invalid` */
function parsePort(option: string, text: string): Port {
  const [, host, container, protocol] = /^(?:(\d{1,5}):)?(\d{1,5})(?:\/(tcp|udp))?$/.exec(text) ?? [];
  if (container === undefined) {
    throw refusal(option, 'a port of the container such as 80, 8080:80 with one of the node, or 53:53/udp', text);
  }
  return {
    container: parsePortNumber(option, container),
    ...(host === undefined ? {} : { host: parsePortNumber(option, host) }),
    ...(protocol === undefined ? {} : { protocol }),
  };
}

function parsePortNumber(option: string, text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw refusal(option, 'ports from 1 to 65535', text);
}

function parseBind(option: string, text: string): { source: string; target: string; readOnly?: true } {
  const [, source, target, access] = /^(\/[^:]*):(\/[^:]*)(?::(ro|rw))?$/.exec(text) ?? [];
  if (source === undefined || target === undefined) throw refusal(option, '/on/the/node:/in/the/container[:ro]', text);
  return { source, target, ...(access === 'ro' ? { readOnly: true } : {}) };
}

const unitBytes: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** `256m`, `1.5g`, `64MiB`, as Docker reads it: units are powers of 1024. @throws AppError `usage_invalid` */
export function parseBytes(option: string, text: string): number {
  const [, amount, unit] = /^(\d{1,15}(?:\.\d{1,6})?) ?([kmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  if (amount === undefined) throw refusal(option, 'a size such as 256m or 1.5g', text);
  return Math.round(Number(amount) * unitBytes[unit!.toLowerCase()]!);
}

/** @throws AppError `usage_invalid` */
export function parseCpus(option: string, text: string): number {
  if (/^\d{1,5}(\.\d{1,6})?$/.test(text) && Number(text) > 0) return Number(text);
  throw refusal(option, 'a number of CPUs such as 0.5', text);
}

const refusal = (option: string, takes: string, text: string) =>
  new AppError('usage_invalid', `${option} takes ${takes}, not ${JSON.stringify(text.slice(0, 100))}`);
