/** A manager whose database does not answer at its start waits, says so, and serves once there is an answer. */

import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createMongoClient } from '../../../src/events/stores/mongo/mongo-connection.ts';
import { mongodbUrl } from '../../support/log/logs.ts';
import { type FaultProxy, openFaultProxy } from '../../support/servers/fault-proxy.ts';
import { until } from '../../support/wait.ts';

const program = fileURLToPath(new URL('../../support/cluster/manager-process.ts', import.meta.url));
const test = suite('a manager that starts');

type Started = { process: ChildProcess; proxy: FaultProxy; output(): string; code: Promise<number | null> };

/** The database accepts connections and answers nothing. */
async function startAgainstSilence(play: (started: Started) => Promise<void>): Promise<void> {
  const direct = new URL(mongodbUrl!);
  direct.pathname = `/co-test-${randomUUID().slice(0, 13)}`;
  direct.searchParams.set('directConnection', 'true');
  const proxy = await openFaultProxy({ host: direct.hostname, port: Number(direct.port || 27017) });
  proxy.stall();
  const child = spawn(process.execPath, [program, proxy.through(direct.href)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const code = once(child, 'close').then(([ended]) => ended as number | null);
  try {
    await play({ process: child, proxy, output: () => output, code });
  } finally {
    child.kill('SIGKILL');
    await proxy.close();
    const client = createMongoClient(direct.href);
    await client.db(direct.pathname.slice(1)).dropDatabase();
    await client.close();
  }
}

function onMongo(sentence: string, play: (started: Started) => Promise<void>): void {
  if (mongodbUrl) test(sentence, () => startAgainstSilence(play));
  else test.skip(sentence);
}
if (!mongodbUrl) console.log('skipped: CO_TEST_MONGODB_URL is not set');

onMongo('waits for a database that does not answer, says so, and serves when it does', async (started) => {
  await until('it says that it waits', () => started.output().includes('waiting for the log: MongoDB: '), 20_000);
  assert.not.match(started.output(), /^serves /m);
  assert.is(started.process.exitCode, null);
  started.proxy.flow();
  const url = await until('it serves', () => /^serves (\S+)/m.exec(started.output())?.[1], 30_000);
  const state = await fetch(`${url}/state`);
  assert.is(state.status, 200);
  started.process.kill('SIGTERM');
  assert.is(await started.code, 0);
});

onMongo('ends cleanly, and at once, when it is stopped while it waits', async (started) => {
  await until('it says that it waits', () => started.output().includes('waiting for the log'), 20_000);
  const stoppedMs = performance.now();
  started.process.kill('SIGTERM');
  assert.is(await started.code, 0);
  const tookMs = performance.now() - stoppedMs;
  assert.ok(tookMs < 1_000, `${tookMs} ms`);
});

test.run();
