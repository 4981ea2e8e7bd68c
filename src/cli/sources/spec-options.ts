/** The options of `coctl run` as the members of a service that a request has. Pure. */

import { AppError } from '../../errors.ts';
import { defined } from './defined.ts';
import { parseDuration } from './duration.ts';
import {
  checkConstraint,
  parseAmount,
  parseBind,
  parseBytes,
  parseCount,
  parseCpus,
  parseNodeKey,
  parsePair,
  parsePort,
  parsePortNumber,
  parseTmpfs,
  refuseValue,
} from './option-values.ts';

type Placed = { constraint?: string[]; spread?: string; maxPerNode?: string; strategy?: string };

type Updated = {
  updateOrder?: string;
  updateParallelism?: string;
  updateDelay?: string;
  updateFailureAction?: string;
};

type Job = { completions?: string; maxConcurrent?: string; schedule?: string; timeZone?: string };

type Resources = { memory?: string; cpus?: string; reserveMemory?: string; reserveCpus?: string };

type Checked = {
  healthCmd?: string;
  healthHttp?: string;
  healthTcp?: string;
  healthInterval?: string;
  healthTimeout?: string;
  healthRetries?: string;
  healthStartPeriod?: string;
};

type Container = Resources & {
  env?: string[];
  label?: string[];
  port?: string[];
  bind?: string[];
  tmpfs?: string[];
  entrypoint?: string;
  user?: string;
  workdir?: string;
  hostname?: string;
  init?: boolean;
  readOnly?: boolean;
  capAdd?: string[];
  capDrop?: string[];
  stopSignal?: string;
  stopTimeout?: string;
  pull?: string;
};

export type SpecOptions = { replicas?: number; mode?: string; restart?: string } & Placed &
  Updated &
  Job &
  Checked &
  Container;

/** As POST /service takes it. */
export type ServiceRequest = { serviceName: string; container: Record<string, unknown> } & Record<string, unknown>;

/** @throws AppError `usage_invalid` naming the option */
export function toServiceRequest(
  name: string,
  image: string,
  args: readonly string[],
  options: SpecOptions,
): ServiceRequest {
  const { replicas, restart } = options;
  const { job, schedule } = jobOf(options);
  const mode = options.mode ?? (job || schedule ? 'job' : undefined);
  return {
    serviceName: name,
    ...defined({ mode, replicas }),
    container: { image, ...defined({ args: args.length === 0 ? undefined : args }), ...containerOf(options) },
    ...defined({ job, schedule, health: healthOf(options), update: updateOf(options) }),
    ...defined({
      restart: restart === undefined ? undefined : { condition: restart },
      placement: placementOf(options),
    }),
  };
}

function containerOf(options: Container): Record<string, unknown> {
  const { env, label, port, bind, tmpfs, entrypoint, stopTimeout, capAdd, capDrop } = options;
  const { user, workdir, hostname, init, readOnly, stopSignal, pull } = options;
  return defined({
    entrypoint: entrypoint === undefined ? undefined : [entrypoint],
    env: env && Object.fromEntries(env.map((text) => parsePair('--env', text))),
    labels: label && Object.fromEntries(label.map((text) => parsePair('--label', text))),
    ports: port?.map((text) => parsePort('--port', text)),
    resources: resourcesOf(options),
    ...{ user, workdir, hostname, init, readOnly },
    binds: bind?.map((text) => parseBind('--bind', text)),
    tmpfs: tmpfs?.map((text) => parseTmpfs('--tmpfs', text)),
    capAdd: capAdd?.map(capitals),
    capDrop: capDrop?.map(capitals),
    stopSignal,
    stopTimeoutSeconds: secondsOf('--stop-timeout', stopTimeout),
    pull,
  });
}

/** Docker takes them in either case. */
const capitals = (capability: string) => capability.toUpperCase();

function resourcesOf({ memory, cpus, reserveMemory, reserveCpus }: Resources) {
  const reserve = someOf({
    memoryBytes: read('--reserve-memory', reserveMemory, parseBytes),
    cpus: read('--reserve-cpus', reserveCpus, parseCpus),
  });
  return someOf({
    memoryBytes: read('--memory', memory, parseBytes),
    cpus: read('--cpus', cpus, parseCpus),
    reserve,
  });
}

const placementOf = ({ constraint, spread, maxPerNode, strategy }: Placed) =>
  someOf({
    constraints: constraint?.map((text) => checkConstraint('--constraint', text)),
    spread: read('--spread', spread, parseNodeKey),
    maxPerNode: read('--max-per-node', maxPerNode, parseCount),
    strategy,
  });

const updateOf = ({ updateOrder, updateParallelism, updateDelay, updateFailureAction }: Updated) =>
  someOf({
    order: updateOrder,
    parallelism: read('--update-parallelism', updateParallelism, parseAmount),
    delaySeconds: secondsOf('--update-delay', updateDelay),
    onFailure: updateFailureAction,
  });

function jobOf({ completions, maxConcurrent, schedule, timeZone }: Job) {
  if (timeZone !== undefined && schedule === undefined) {
    throw new AppError('usage_invalid', '--time-zone is of --schedule: give both');
  }
  return {
    job: someOf({
      completions: read('--completions', completions, parseCount),
      parallelism: read('--max-concurrent', maxConcurrent, parseCount),
    }),
    schedule: someOf({ cron: schedule, timeZone }),
  };
}

function healthOf(options: Checked) {
  const { healthInterval, healthTimeout, healthRetries, healthStartPeriod } = options;
  const times = someOf({
    intervalSeconds: secondsOf('--health-interval', healthInterval),
    timeoutSeconds: secondsOf('--health-timeout', healthTimeout),
    retries: read('--health-retries', healthRetries, parseCount),
    startPeriodSeconds: secondsOf('--health-start-period', healthStartPeriod),
  });
  const check = checkOf(options);
  if (check === undefined && times !== undefined) {
    throw new AppError('usage_invalid', 'the times of a check need one: --health-cmd, --health-http or --health-tcp');
  }
  return check && { ...check, ...times };
}

function checkOf({ healthCmd, healthHttp, healthTcp }: Checked): Record<string, unknown> | undefined {
  const given = [healthCmd, healthHttp, healthTcp].filter((text) => text !== undefined);
  if (given.length > 1) {
    throw new AppError('usage_invalid', 'a container has one check: --health-cmd, --health-http or --health-tcp');
  }
  if (healthCmd !== undefined) return { command: ['sh', '-c', healthCmd] };
  if (healthTcp !== undefined) return { tcp: { port: parsePortNumber('--health-tcp', healthTcp) } };
  if (healthHttp === undefined) return undefined;
  const [, port, path] = /^(\d{1,5})(\/.*)?$/.exec(healthHttp) ?? [];
  if (port === undefined) throw refuseValue('--health-http', 'a port and a path such as 8080/healthz', healthHttp);
  return { http: { port: parsePortNumber('--health-http', port), path: path ?? '/' } };
}

/** Not given is not read; an empty text is, and refused. */
const read = <T>(option: string, text: string | undefined, parse: (option: string, text: string) => T) =>
  text === undefined ? undefined : parse(option, text);

const secondsOf = (option: string, text: string | undefined) =>
  text === undefined ? undefined : parseDuration(option, text) / 1_000;

/** undefined: none of its members is given. */
function someOf(members: Readonly<Record<string, unknown>>): Record<string, unknown> | undefined {
  const given = defined(members);
  return Object.keys(given).length === 0 ? undefined : given;
}
