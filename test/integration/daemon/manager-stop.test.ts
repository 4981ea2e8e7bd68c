/** A manager is told to stop while its database does not answer: it ends in time and cleanly, and loses nothing it has told. */

import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLog } from '../../../src/events/open-log.ts';
import { createMongoClient } from '../../../src/events/stores/mongo/mongo-connection.ts';
import { silentLogger } from '../../../src/logger.ts';
import { oneService } from '../../support/http/http.ts';
import { readAll } from '../../support/log/log-events.ts';
import { mongodbUrl } from '../../support/log/logs.ts';
import { type FaultProxy, openFaultProxy } from '../../support/servers/fault-proxy.ts';
import { until } from '../../support/wait.ts';

const test = suite('a manager that stops');
const program = fileURLToPath(new URL('../../support/cluster/manager-process.ts', import.meta.url));
const stopDeadlineMs = 5_000;

const faults: Record<string, (proxy: FaultProxy) => Promise<void>> = {
  'while the database refuses connections': async (proxy) => {
    const closed = proxy.close();
    proxy.cut();
    await closed;
  },
  'while the database answers nothing': async (proxy) => proxy.stall(),
};

for (const [when, fault] of Object.entries(faults)) {
  const sentence = `${when} ends within 5 s, with code 0`;
  if (mongodbUrl) test(sentence, () => stopDuring(fault));
  else test.skip(sentence);
}
if (!mongodbUrl) console.log('skipped: CO_TEST_MONGODB_URL is not set');

async function stopDuring(fault: (proxy: FaultProxy) => Promise<void>): Promise<void> {
  const direct = new URL(mongodbUrl!);
  direct.pathname = `/co-test-${randomUUID().slice(0, 13)}`;
  direct.searchParams.set('directConnection', 'true');
  const proxy = await openFaultProxy({ host: direct.hostname, port: Number(direct.port || 27017) });
  const manager = await startProcess(proxy.through(direct.href));
  try {
    assert.is(await post(manager.url, 3), 202);
    await fault(proxy);
    const unanswered = post(manager.url, 5);
    const stoppedMs = performance.now();
    manager.process.kill('SIGTERM');
    assert.is(await manager.code, 0);
    const tookMs = performance.now() - stoppedMs;
    assert.ok(tookMs < stopDeadlineMs, `${tookMs} ms`);
    assert.is.not(await unanswered, 202);
    assert.equal(await readReplicas(direct.href), [3]);
  } finally {
    manager.process.kill('SIGKILL');
    await proxy.close();
    await dropDatabase(direct.href);
  }
}

/** Of every accepted request, by the next process. */
async function readReplicas(url: string): Promise<number[]> {
  const { log } = await openLog({ mongodbUrl: url, dataDir: '' }, { writer: 'test', logger: silentLogger });
  const events = await readAll(log);
  await log.close();
  return events.flatMap(({ type, data }) => (type === 'ServiceRequested' ? [data.replicas] : []));
}

async function dropDatabase(url: string): Promise<void> {
  const client = createMongoClient(url);
  await client.db(new URL(url).pathname.slice(1)).dropDatabase();
  await client.close();
}

async function startProcess(url: string): Promise<{ process: ChildProcess; url: string; code: Promise<number> }> {
  const child = spawn(process.execPath, [program, url], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  const code = once(child, 'close').then(([ended]) => ended as number);
  const served = await until(
    'it serves, or its end',
    () => /^serves (\S+)/m.exec(output)?.[1] ?? child.exitCode,
    20_000,
  );
  assert.type(served, 'string', `it ended with code ${served}`);
  return { process: child, url: String(served), code };
}

/** 0: no answer. */
async function post(url: string, replicas: number): Promise<number> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify(oneService('web', replicas));
  return fetch(`${url}/service`, { method: 'POST', headers, body }).then(
    ({ status }) => status,
    () => 0,
  );
}

test.run();
