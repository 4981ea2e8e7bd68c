/**
 * The registry of a test run, which asks for a login: the given one, or the distribution's on the loopback interface, where Docker
 * takes plain HTTP. Another one than the tests make themselves to watch what an engine asks.
 */

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePorts } from './free-port.ts';
import { havePrograms } from './installed-program.ts';
import { startServer } from './server-process.ts';
import type { Service, ServiceOptions } from './service.ts';

/** The only user of it. */
export const registryUser = { username: 'puller', password: 'pulls-by-test-7Qv2xL' };

/** As `htpasswd -B` writes it. */
const passwords = 'puller:$2y$05$l15RfgFaZry42DvXBFDEDu9WVR4Ns9DaaSYcvBb277RNryj9Xj2w.\n';
const callDeadlineMs = 2_000;

export async function openRegistry(options: ServiceOptions): Promise<Service> {
  const given = process.env.CO_TEST_REGISTRY;
  if (given) return { description: 'registry of CO_TEST_REGISTRY', environment: {}, async close() {} };
  const { dataDir, logDir, signal } = options;
  const [program] = (await havePrograms(['docker-registry'], options)) as [string];
  const [port] = (await findFreePorts(1)) as [number];
  const address = `127.0.0.1:${port}`;
  const server = await startServer(program, {
    args: ['serve', await writeSettings(dataDir, address)],
    logPath: join(logDir, 'registry.log'),
    isServing: () => isServing(address),
    cleanUp: () => rm(dataDir, { recursive: true, force: true }),
    signal,
  });
  return {
    description: `a registry with a login, started from ${program} (process ${server.pid})`,
    environment: { CO_TEST_REGISTRY: address },
    close: server.close,
  };
}

/** YAML is a superset of JSON. */
async function writeSettings(dataDir: string, address: string): Promise<string> {
  const path = (name: string) => join(dataDir, name);
  const settings = {
    version: '0.1',
    log: { level: 'info' },
    storage: { filesystem: { rootdirectory: path('images') } },
    http: { addr: address },
    auth: { htpasswd: { realm: 'tests', path: path('htpasswd') } },
  };
  await mkdir(dataDir, { recursive: true });
  await writeFile(path('htpasswd'), passwords);
  await writeFile(path('registry.yml'), JSON.stringify(settings));
  return path('registry.yml');
}

/** It wants a login, so it is there. */
async function isServing(address: string): Promise<boolean> {
  const response = await fetch(`http://${address}/v2/`, { signal: AbortSignal.timeout(callDeadlineMs) });
  await response.body?.cancel();
  return response.status === 401;
}
