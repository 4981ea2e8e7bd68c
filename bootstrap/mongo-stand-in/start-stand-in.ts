/**
 * The start of the stand-in for MongoDB, where no server can be had: fetches its jars once, with Maven, into
 * `.cache/`. What it cannot show is said in StandIn.java.
 */

import { access, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorMessage } from '../../src/errors.ts';
import { runProgram } from '../cluster/programs.ts';
import { findFreePorts, isListening } from '../services/free-port.ts';
import { havePrograms } from '../services/installed-program.ts';
import { startServer } from '../services/server-process.ts';
import type { Service, ServiceOptions } from '../services/service.ts';

const pathOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const jars = pathOf('../../.cache/mongo-stand-in');
/** Ten megabytes, and as much of Maven's own plugins. */
const fetchDeadlineMs = 180_000;
const fetchTries = 3;

export async function startStandIn(options: ServiceOptions): Promise<Service> {
  await haveJars(options);
  // A Java that can compile: the program is one source file.
  await havePrograms(['javac'], options);
  const [java] = (await havePrograms(['java'], options)) as [string];
  const [port] = (await findFreePorts(1)) as [number];
  const server = await startServer(java, {
    args: ['-Xmx1g', '-cp', join(jars, '*'), pathOf('StandIn.java'), '127.0.0.1', String(port)],
    logPath: join(options.logDir, 'mongo-stand-in.log'),
    isServing: () => isListening(port),
    signal: options.signal,
  });
  return {
    description: `a stand-in for MongoDB, no MongoDB: mongo-java-server (process ${server.pid})`,
    environment: {
      CO_TEST_MONGODB_URL: `mongodb://127.0.0.1:${port}/?directConnection=true`,
      CO_TEST_MONGODB_KIND: 'stand-in',
    },
    close: server.close,
  };
}

/** They are moved into place together: a folder of that name is complete. */
async function haveJars(options: ServiceOptions): Promise<void> {
  const isThere = await access(jars).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  const [maven] = (await havePrograms(['mvn'], options)) as [string];
  options.print('fetching the jars of the stand-in for MongoDB with Maven …');
  const target = `${jars}-${process.pid}`;
  await mkdir(target, { recursive: true });
  const args = ['-B', '-q', '-f', pathOf('pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${target}`];
  try {
    await retry(() => runProgram(maven, args, { deadlineMs: fetchDeadlineMs, signal: options.signal }), options);
    await rename(target, jars);
  } finally {
    await rm(target, { recursive: true, force: true });
  }
}

async function retry(run: () => Promise<void>, { print, signal }: ServiceOptions): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await run();
    } catch (error) {
      if (tried === fetchTries || signal.aborted) throw error;
      print(`Maven, try ${tried} of ${fetchTries}: ${errorMessage(error)}`);
    }
  }
}
