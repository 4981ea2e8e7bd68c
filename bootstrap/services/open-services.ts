/** All servers of a test run together: opened at the same time, closed in reverse order, each reported by name. */

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorMessage } from '../../src/errors.ts';
import { whyNoAnswer } from '../cluster/engine/docker-client.ts';
import { openChromium } from './chromium.ts';
import { openDocker, systemSocket } from './docker.ts';
import { openMongodb } from './mongodb.ts';
import { openPromtool } from './promtool.ts';
import { openRabbitmq } from './rabbitmq.ts';
import { openRegistry } from './registry.ts';
import { openSchemathesis } from './schemathesis.ts';
import type { Service, ServiceOptions } from './service.ts';

export type Services = {
  environment: Record<string, string>;
  /** A sentence for each server that could not be had. */
  missing: string[];
  close(): Promise<void>;
};

export async function openServices(
  logDir: string,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<Services> {
  await mkdir(logDir, { recursive: true });
  const root = await mkdtemp(join(tmpdir(), 'co-test-'));
  const optionsOf = (name: string): ServiceOptions => ({ dataDir: join(root, name), logDir, print, signal });
  const docker = openDocker(optionsOf('docker'));
  const engine = findImageEngine(docker);
  engine.catch(() => {});
  const results = await Promise.all([
    settle('Docker Engine', docker, print),
    settle('RabbitMQ', openRabbitmq(optionsOf('rabbitmq'), engine), print),
    settle('MongoDB', openMongodb(optionsOf('mongodb'), engine), print),
    settle('registry', openRegistry(optionsOf('registry')), print),
    settle('Chromium', openChromium(optionsOf('chromium')), print),
    settle('promtool', openPromtool(optionsOf('promtool')), print),
    settle('Schemathesis', openSchemathesis(optionsOf('schemathesis')), print),
  ]);
  const services = results.filter((result) => typeof result !== 'string');
  return {
    environment: Object.assign({}, ...services.map(({ environment }) => environment)),
    missing: results.filter((result) => typeof result === 'string'),
    async close() {
      const failures: unknown[] = [];
      for (const { close } of services.toReversed()) await close().catch((error: unknown) => failures.push(error));
      await rm(root, { recursive: true, force: true });
      if (failures.length > 0) throw new AggregateError(failures, 'servers could not be ended');
    },
  };
}

/** Servers from images run where images are likely to be: on the machine's engine, if it has one. */
async function findImageEngine(docker: Promise<Service>): Promise<string> {
  if ((await whyNoAnswer(systemSocket)) === null) return systemSocket;
  const { environment } = await docker.catch(() => {
    throw new Error('needs a Docker Engine');
  });
  return environment.CO_TEST_DOCKER_SOCKET!;
}

/** @returns why there is none, as a sentence, where there is none */
async function settle(
  name: string,
  opening: Promise<Service>,
  print: (line: string) => void,
): Promise<Service | string> {
  const startedMs = performance.now();
  try {
    const service = await opening;
    print(`${service.description}, ready after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
    return service;
  } catch (error) {
    const sentence = `no ${name}: ${errorMessage(error)}`;
    print(sentence);
    return sentence;
  }
}
