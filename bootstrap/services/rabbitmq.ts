/**
 * The RabbitMQ of a test run, with its management plugin: the broker it was given, one started from the machine's
 * program, or one from an image.
 */

import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePorts, isListening } from './free-port.ts';
import { havePrograms } from './installed-program.ts';
import { startFromImage } from './server-image.ts';
import { type ServerProcess, startServer } from './server-process.ts';
import { openFirst, type Service, type ServiceOptions } from './service.ts';
import { makeAuthority } from './test-authority.ts';

const image = 'rabbitmq:4-management';
/** The program itself; the one of the same name that Debian puts on the PATH changes the user first. */
const debianProgram = '/usr/lib/rabbitmq/bin/rabbitmq-server';
const callDeadlineMs = 2_000;

export async function openRabbitmq(options: ServiceOptions, engine: Promise<string>): Promise<Service> {
  const given = process.env.CO_TEST_AMQP_URL;
  if (given) return { description: 'RabbitMQ of CO_TEST_AMQP_URL', environment: {}, async close() {} };
  return openFirst(
    [
      { name: "the machine's", open: () => startBroker(options) },
      { name: `image ${image}`, open: async () => startImage(options, await engine) },
    ],
    options.signal,
  );
}

type Ports = { amqp: number; amqps: number; management: number; distribution: number; epmd: number };

async function startBroker(options: ServiceOptions): Promise<Service> {
  const { dataDir, logDir, signal } = options;
  const [onPath] = (await havePrograms(['rabbitmq-server'], options)) as [string];
  const program = existsSync(debianProgram) ? debianProgram : onPath;
  const ports = await findPorts();
  // The broker starts one that outlives it, unless there is one.
  const epmd = await startEpmd(ports.epmd, options);
  let server: ServerProcess;
  try {
    server = await startServer(program, {
      args: [],
      environment: await writeSettings(dataDir, ports),
      logPath: join(logDir, 'rabbitmq.log'),
      isServing: () => isServing(ports),
      cleanUp: () => rm(dataDir, { recursive: true, force: true }),
      signal,
    });
  } catch (error) {
    await epmd.close();
    throw error;
  }
  return {
    description: `RabbitMQ started from ${program} (process ${server.pid})`,
    environment: { ...addressesOf(ports), ...tlsOf(dataDir, ports) },
    async close() {
      await server.close();
      await epmd.close();
    },
  };
}

async function startEpmd(port: number, options: ServiceOptions): Promise<ServerProcess> {
  const [program] = (await havePrograms(['epmd'], options)) as [string];
  return startServer(program, {
    args: ['-port', String(port), '-address', '127.0.0.1'],
    logPath: join(options.logDir, 'epmd.log'),
    isServing: () => isListening(port),
    signal: options.signal,
  });
}

/** Everything that a broker shares with others on its machine unless it is configured otherwise. */
async function writeSettings(dataDir: string, ports: Ports): Promise<Record<string, string>> {
  const path = (name: string) => join(dataDir, name);
  const settings = [
    `listeners.tcp.1 = 127.0.0.1:${ports.amqp}`,
    // With TLS on a second port, where clients have to show a certificate.
    `listeners.ssl.1 = 127.0.0.1:${ports.amqps}`,
    `ssl_options.cacertfile = ${path('ca.pem')}`,
    `ssl_options.certfile = ${path('broker.pem')}`,
    `ssl_options.keyfile = ${path('broker-key.pem')}`,
    'ssl_options.verify = verify_peer',
    'ssl_options.fail_if_no_peer_cert = true',
    'management.tcp.ip = 127.0.0.1',
    `management.tcp.port = ${ports.management}`,
    'log.console = true',
    'log.file = false',
  ];
  await mkdir(dataDir, { recursive: true });
  const authority = await makeAuthority(dataDir);
  await authority.writeServer('broker');
  await authority.writeClient('client');
  await writeFile(path('rabbitmq.conf'), `${settings.join('\n')}\n`);
  await writeFile(path('enabled_plugins'), '[rabbitmq_management].\n');
  await writeFile(path('rabbitmq-env.conf'), '');
  return {
    HOME: dataDir,
    RABBITMQ_NODENAME: `co-test-${ports.amqp}@localhost`,
    RABBITMQ_MNESIA_BASE: path('mnesia'),
    RABBITMQ_LOG_BASE: path('log'),
    RABBITMQ_CONFIG_FILE: path('rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: path('rabbitmq-env.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: path('enabled_plugins'),
    RABBITMQ_DIST_PORT: String(ports.distribution),
    ERL_EPMD_PORT: String(ports.epmd),
    // Schedulers that spin while they wait would take the cores from the tests.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    // The start script then becomes the broker instead of watching over it.
    RUNNING_UNDER_SYSTEMD: 'true',
  };
}

const tlsOf = (dir: string, { amqps }: Ports) => ({
  CO_TEST_AMQPS_URL: `amqps://guest:guest@127.0.0.1:${amqps}`,
  CO_TEST_AMQPS_DIR: dir,
});

async function startImage({ signal, print }: ServiceOptions, socket: string): Promise<Service> {
  const ports = await findPorts();
  const settings = `listeners.tcp.1 = 127.0.0.1:${ports.amqp}\\nmanagement.tcp.port = ${ports.management}\\n`;
  const script = `printf '${settings}' > /etc/rabbitmq/conf.d/90-co-test.conf && exec docker-entrypoint.sh rabbitmq-server`;
  const server = await startFromImage({
    image,
    command: ['sh', '-c', script],
    environment: {
      RABBITMQ_NODENAME: `co-test-${ports.amqp}@localhost`,
      RABBITMQ_DIST_PORT: String(ports.distribution),
      ERL_EPMD_PORT: String(ports.epmd),
    },
    isServing: () => isServing(ports),
    socket,
    signal,
    print,
  });
  return {
    description: `RabbitMQ from the image ${image}`,
    environment: addressesOf(ports),
    close: server.close,
  };
}

async function findPorts(): Promise<Ports> {
  const [amqp, amqps, management, distribution, epmd] = (await findFreePorts(5)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  return { amqp, amqps, management, distribution, epmd };
}

const addressesOf = ({ amqp, management }: Ports) => ({
  CO_TEST_AMQP_URL: `amqp://guest:guest@127.0.0.1:${amqp}`,
  CO_TEST_AMQP_MANAGEMENT_URL: `http://guest:guest@127.0.0.1:${management}`,
});

/** The plugin starts last. */
async function isServing({ management }: Ports): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${management}/api/overview`, {
    headers: { authorization: `Basic ${btoa('guest:guest')}` },
    signal: AbortSignal.timeout(callDeadlineMs),
  });
  await response.body?.cancel();
  return response.ok;
}
