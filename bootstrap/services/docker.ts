/**
 * The Docker Engine of a test run: the one it was given, a daemon of its own, or the machine's where it may not
 * start one. The daemon of its own has its own data, bridge and socket and leaves the machine's packet filter alone, so
 * that another one beside it notices nothing.
 */

import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { socketPathOf, whyNoAnswer } from '../cluster/engine/docker-client.ts';
import { runProgram } from '../cluster/programs.ts';
import { findBusybox } from '../images/busybox.ts';
import { findFreePorts } from './free-port.ts';
import { havePrograms } from './installed-program.ts';
import { startServer } from './server-process.ts';
import { openFirst, type Service, type ServiceOptions } from './service.ts';
import { makeAuthority } from './test-authority.ts';

export const systemSocket = '/var/run/docker.sock';

export async function openDocker(options: ServiceOptions): Promise<Service> {
  const given = process.env.CO_TEST_DOCKER_SOCKET;
  // Without it the tests cannot build the image that they run.
  const busybox = await findBusybox({ mayInstall: true });
  if ('missing' in busybox) throw new Error(busybox.missing);
  if (given) return useEngine(given, 'CO_TEST_DOCKER_SOCKET');
  return openFirst(
    [
      { name: 'a daemon of its own', open: () => startDaemon(options) },
      { name: "the machine's engine", open: () => useEngine(process.env.DOCKER_HOST ?? systemSocket, 'found') },
    ],
    options.signal,
  );
}

async function useEngine(address: string, how: string): Promise<Service> {
  const silence = await whyNoAnswer(address);
  if (silence !== null) throw new Error(`no engine at ${address}: ${silence}`);
  return {
    description: `Docker Engine at ${address} (${how})`,
    environment: { CO_TEST_DOCKER_SOCKET: socketPathOf(address) },
    async close() {},
  };
}

async function startDaemon(options: ServiceOptions): Promise<Service> {
  const { dataDir, logDir, signal } = options;
  if (process.getuid?.() !== 0) throw new Error('only root can start one');
  const [dockerd, ip] = (await havePrograms(['dockerd', 'ip'], options)) as [string, string];
  const bridge = await addBridge(ip, signal);
  const socket = join(dataDir, 'docker.sock');
  const tls = await writeTls(dataDir);
  const server = await startServer(dockerd, {
    args: [
      ...['--data-root', join(dataDir, 'data'), '--exec-root', join(dataDir, 'exec')],
      ...['--host', `unix://${socket}`, ...tls.args, '--pidfile', join(dataDir, 'pid')],
      // The machine's containerd, where it runs, is used by all daemons: names of our own keep them apart.
      ...['--containerd-namespace', bridge.name, '--containerd-plugins-namespace', `${bridge.name}-plugins`],
      ...['--bridge', bridge.name, '--iptables=false', '--ip6tables=false', '--ip-masq=false', '--ip-forward=false'],
    ],
    logPath: join(logDir, 'dockerd.log'),
    isServing: async () => (await whyNoAnswer(socket)) === null,
    cleanUp: async () => {
      await bridge.remove();
      // The kernel lets go of a container's last mounts shortly after the daemon is gone.
      await rm(dataDir, { recursive: true, force: true, maxRetries: 10 });
    },
    signal,
  });
  return {
    description: `Docker Engine, a daemon of its own (${dockerd}, process ${server.pid})`,
    environment: { CO_TEST_DOCKER_SOCKET: socket, ...tls.environment },
    close: server.close,
  };
}

/** A TCP address beside the socket, as an engine of another machine has it: clients have to show a certificate. */
async function writeTls(dataDir: string): Promise<{ args: string[]; environment: Record<string, string> }> {
  const [port] = (await findFreePorts(1)) as [number];
  const dir = join(dataDir, 'tls');
  await mkdir(dir, { recursive: true });
  const authority = await makeAuthority(dir);
  const engine = await authority.writeServer('engine');
  const client = await authority.writeClient('client');
  await copyFile(client.cert, join(dir, 'cert.pem'));
  await copyFile(client.key, join(dir, 'key.pem'));
  const address = `tcp://127.0.0.1:${port}`;
  return {
    args: [
      ...['--host', address, '--tlsverify', '--tlscacert', authority.ca],
      ...['--tlscert', engine.cert, '--tlskey', engine.key],
    ],
    environment: { CO_TEST_DOCKER_TLS_ADDRESS: address, CO_TEST_DOCKER_TLS_DIR: dir },
  };
}

/** An address range that is seldom used, and another one for each run. */
async function addBridge(ip: string, signal: AbortSignal): Promise<{ name: string; remove(): Promise<void> }> {
  const bytes = randomBytes(3);
  const name = `co-test-${bytes.toString('hex')}`;
  const run = (args: string[], until = signal) => runProgram(ip, args, { deadlineMs: 10_000, signal: until });
  await run(['link', 'add', name, 'type', 'bridge']);
  const remove = () => run(['link', 'del', name], new AbortController().signal);
  try {
    await run(['address', 'add', `10.${200 + (bytes[0]! % 50)}.${bytes[1]}.1/24`, 'dev', name]);
    await run(['link', 'set', name, 'up']);
    return { name, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
