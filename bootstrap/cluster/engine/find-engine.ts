/**
 * Where containers will run: an engine that answers, one that can be started or installed, or a simulated one
 * that says so. Starts and installs only what the machine's owner allows, and reports each step.
 */

import { access, readFile } from 'node:fs/promises';
import type { EngineChoice } from '../../../src/daemon/config.ts';
import { AppError, errorMessage } from '../../../src/errors.ts';
import type { ClientTls } from '../../../src/tls/client-tls.ts';
import { findProgram, runProgram, systemEnvironment } from '../programs.ts';
import { isSocket, socketPathOf, whyNoAnswer } from './docker-client.ts';
import { startDockerd } from './own-dockerd.ts';

export type FindOptions = {
  choice: EngineChoice;
  address: string;
  /** null: without TLS. */
  tls?: ClientTls | null;
  dataDir: string;
  mayInstall: boolean;
  /** Containers of this cluster are on an engine already: it must not be mistaken for an empty one. */
  isInUse: boolean;
  print: (line: string) => void;
  signal: AbortSignal;
};

const defaultAddress = '/var/run/docker.sock';

/** A hundred megabytes from a mirror; one that takes longer is as good as away. */
const installDeadlineMs = 300_000;
const serviceDeadlineMs = 60_000;

/** @throws AppError `engine_unavailable`: one is insisted on, or in use, and none can be had */
export async function findEngine(options: FindOptions): Promise<'docker' | 'simulated'> {
  const { choice, address, tls = null, isInUse, print, signal } = options;
  if (choice === 'simulated') return 'simulated';
  const silence = await whyNoAnswer(address, tls);
  if (silence === null) return 'docker';
  print(`no Docker Engine answers at ${address}: ${silence}`);
  const failure = await bringUp(options).catch((error: unknown) => {
    signal.throwIfAborted();
    return errorMessage(error);
  });
  if (failure === null) return 'docker';
  if (choice === 'docker') throw new AppError('engine_unavailable', `no Docker Engine can be had: ${failure}`);
  if (isInUse) {
    const hint = 'start it; or, to leave them behind, --engine simulated';
    throw new AppError('engine_unavailable', `the containers of this cluster are at ${address}, ${failure}: ${hint}`);
  }
  print(`no Docker Engine can be had: ${failure}; the engine is SIMULATED, no container will run`);
  return 'simulated';
}

/** null: an engine answers now. Otherwise what stands against it, in words. */
async function bringUp(options: FindOptions): Promise<string | null> {
  const { address, mayInstall, dataDir, print, signal } = options;
  if (!isSocket(address) || socketPathOf(address) !== defaultAddress) return `${address} is not this machine's own`;
  if (process.platform !== 'linux') return 'start Docker Desktop, or whatever provides Docker on this machine';
  if (process.getuid?.() !== 0) return 'only root may start one; start it, or run this as root';
  if ((await findProgram('dockerd')) === null) {
    const obstacle = mayInstall ? await whyNotInstallable() : 'none is installed, and --no-install forbids to';
    if (obstacle !== null) return obstacle;
    await installDocker({ print, signal });
    // Where a service manager is, the package has started the daemon.
    if ((await whyNoAnswer(address)) === null) return null;
  }
  const dockerd = await findProgram('dockerd');
  if (dockerd === null) return 'the package docker.io is installed, but brought no dockerd';
  if (await hasServiceManager()) {
    print('starting the docker service …');
    await runProgram('systemctl', ['start', 'docker'], { deadlineMs: serviceDeadlineMs, signal });
    return whyNoAnswer(address);
  }
  print(`starting ${dockerd}, its log is ${dataDir}/dockerd.log …`);
  const pid = await startDockerd(dockerd, { dataDir, address, signal });
  print(`dockerd runs as process ${pid} and goes on when this ends; ./bootstrap/down --purge stops it`);
  return null;
}

async function whyNotInstallable(): Promise<string | null> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const isDebian = /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(release);
  if (isDebian && (await findProgram('apt-get')) !== null) return null;
  return 'none is installed, and only on Debian and Ubuntu can this install one: https://docs.docker.com/engine/install';
}

async function installDocker({ print, signal }: Pick<FindOptions, 'print' | 'signal'>): Promise<void> {
  const environment = { ...systemEnvironment(), DEBIAN_FRONTEND: 'noninteractive' };
  const startedMs = performance.now();
  print(`installing docker.io with apt-get, ${installDeadlineMs / 60_000} minutes at most …`);
  const apt = (...args: string[]) =>
    runProgram('apt-get', args, {
      deadlineMs: Math.max(1, installDeadlineMs - (performance.now() - startedMs)),
      signal,
      environment,
      onStillRunning: (seconds, lastLine) => print(`  apt-get ${args[0]}, ${seconds} s: ${lastLine}`),
    });
  await apt('update');
  await apt('install', '-y', '--no-install-recommends', 'docker.io', 'ca-certificates');
  print(`docker.io is installed (${Math.round((performance.now() - startedMs) / 1000)} s)`);
}

const hasServiceManager = () =>
  access('/run/systemd/system').then(
    () => true,
    () => false,
  );
