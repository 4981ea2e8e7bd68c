/**
 * The MongoDB of a test run: the server it was given, a replica set of one from the machine's program or from an
 * image, or the stand-in. CO_TEST_MONGODB_KIND says which: `replica-set`, `standalone` or `stand-in`.
 */

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MongoClient } from 'mongodb';
import { findProgram } from '../cluster/programs.ts';
import { startStandIn } from '../mongo-stand-in/start-stand-in.ts';
import { findFreePorts } from './free-port.ts';
import { startFromImage } from './server-image.ts';
import { startServer } from './server-process.ts';
import { openFirst, type Service, type ServiceOptions } from './service.ts';

const image = 'mongo:8';
const replicaSet = 'co-test';
const callDeadlineMs = 2_000;

export async function openMongodb(options: ServiceOptions, engine: Promise<string>): Promise<Service> {
  const given = process.env.CO_TEST_MONGODB_URL;
  if (given) return useGiven(given);
  return openFirst(
    [
      { name: "the machine's", open: () => startMongod(options) },
      { name: `image ${image}`, open: async () => startImage(options, await engine) },
      { name: 'stand-in', open: () => startStandIn(options) },
    ],
    options.signal,
  );
}

async function useGiven(url: string): Promise<Service> {
  const kind = process.env.CO_TEST_MONGODB_KIND ?? (await readKind(url));
  return {
    description: `MongoDB of CO_TEST_MONGODB_URL (${kind})`,
    environment: { CO_TEST_MONGODB_KIND: kind },
    async close() {},
  };
}

/** @throws when no server answers */
async function readKind(url: string): Promise<'replica-set' | 'standalone' | 'stand-in'> {
  await using client = new MongoClient(url, { serverSelectionTimeoutMS: callDeadlineMs });
  try {
    const { setName } = await client.db('admin').command({ hello: 1 });
    return setName === undefined ? 'standalone' : 'replica-set';
  } catch (error) {
    // Every MongoDB that the driver speaks to knows the command.
    if ((error as { codeName?: string }).codeName === 'CommandNotFound') return 'stand-in';
    throw error;
  }
}

async function startMongod({ dataDir, logDir, signal }: ServiceOptions): Promise<Service> {
  const program = await findProgram('mongod');
  if (program === null) throw new Error('mongod is not on this machine');
  const [port] = (await findFreePorts(1)) as [number];
  await mkdir(dataDir, { recursive: true });
  const server = await startServer(program, {
    args: [...argumentsOf(port), '--dbpath', dataDir],
    logPath: join(logDir, 'mongod.log'),
    isServing: () => isPrimary(port),
    cleanUp: () => rm(dataDir, { recursive: true, force: true }),
    signal,
  });
  return serviceOf(port, `MongoDB, a replica set of one from ${program} (process ${server.pid})`, server.close);
}

async function startImage({ signal, print }: ServiceOptions, socket: string): Promise<Service> {
  const [port] = (await findFreePorts(1)) as [number];
  const command = ['mongod', ...argumentsOf(port)];
  const server = await startFromImage({
    image,
    command,
    environment: {},
    isServing: () => isPrimary(port),
    socket,
    signal,
    print,
  });
  return serviceOf(port, `MongoDB, a replica set of one from the image ${image}`, server.close);
}

const argumentsOf = (port: number) => ['--replSet', replicaSet, '--port', String(port), '--bind_ip', '127.0.0.1'];

const serviceOf = (port: number, description: string, close: () => Promise<void>): Service => ({
  description,
  environment: {
    CO_TEST_MONGODB_URL: `mongodb://127.0.0.1:${port}/?replicaSet=${replicaSet}`,
    CO_TEST_MONGODB_KIND: 'replica-set',
  },
  close,
});

/** Makes the server a replica set when it answers for the first time. */
async function isPrimary(port: number): Promise<boolean> {
  await using client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
    serverSelectionTimeoutMS: callDeadlineMs,
  });
  const admin = client.db('admin');
  const hello = await admin.command({ hello: 1 });
  if (hello.setName !== undefined) return hello.isWritablePrimary === true;
  const members = [{ _id: 0, host: `127.0.0.1:${port}` }];
  await admin.command({ replSetInitiate: { _id: replicaSet, members } });
  return false;
}
