/** An engine behind `dockerd --tlsverify`: reached with the certificates of a folder, and not without. */

import { randomUUID } from 'node:crypto';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { whyNoAnswer } from '../../../bootstrap/cluster/engine/docker-client.ts';
import { createDockerEngine } from '../../../src/agent/docker/docker-engine.ts';
import { readDockerTls } from '../../../src/agent/docker/docker-tls.ts';
import { systemClock } from '../../../src/clock.ts';
import { hasCode } from '../../../src/errors.ts';
import { silentLogger } from '../../../src/logger.ts';
import type { ClientTls } from '../../../src/tls/client-tls.ts';

const test = suite('docker tls');
const { CO_TEST_DOCKER_TLS_ADDRESS: address = '', CO_TEST_DOCKER_TLS_DIR: dir = '' } = process.env;
if (!address) console.log('skipped: CO_TEST_DOCKER_TLS_ADDRESS is not set');

const proof = (sentence: string, body: () => Promise<void>) => (address ? test(sentence, body) : test.skip(sentence));

async function pingWith(tls: ClientTls | null): Promise<string> {
  const scope = { clusterId: randomUUID(), clusterName: 'test', node: 'worker-1' };
  const engine = createDockerEngine({ clock: systemClock, logger: silentLogger }, { scope, address, tls });
  try {
    await engine.ping();
    return (await engine.describe()).kind;
  } catch (error) {
    assert.ok(hasCode(error, 'engine_unavailable'), String(error));
    return (error as Error).message;
  } finally {
    await engine.close();
  }
}

proof('answers who shows a certificate of its authority', async () => {
  const tls = await readDockerTls(dir, Date.now());
  assert.is(await pingWith(tls), 'docker');
  assert.is(await whyNoAnswer(address, tls), null);
});

proof('answers no one else, and is not mistaken for another', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'co-docker-tls-'));
  try {
    await copyFile(join(dir, 'ca.pem'), join(folder, 'ca.pem'));
    assert.match(await pingWith(await readDockerTls(folder, Date.now())), /alert|certificate|ECONNRESET|hang up/i);
    assert.match(await pingWith({}), /certificate|self.signed|issuer/i);
    assert.match(await pingWith(null), /HTTPS|400|engine/i);
    assert.match((await whyNoAnswer(address, {}))!, /signed by an authority that is not trusted here/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

proof('a folder without what is needed is refused by name', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'co-docker-tls-'));
  try {
    const refusal = () => readDockerTls(folder, Date.now()).then(String, (error: Error) => error.message);
    assert.match(await refusal(), /--docker-tls: .*ca\.pem cannot be read/);
    await copyFile(join(dir, 'ca.pem'), join(folder, 'ca.pem'));
    await copyFile(join(dir, 'cert.pem'), join(folder, 'cert.pem'));
    assert.match(await refusal(), /--docker-tls: .*key\.pem cannot be read/);
    await copyFile(join(dir, 'engine-key.pem'), join(folder, 'key.pem'));
    assert.match(await refusal(), /key\.pem is not the key of the certificate in/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.run();
