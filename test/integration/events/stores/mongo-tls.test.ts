/** The log in MongoDB over TLS: by an authority that is named, and not without it. */

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeAuthority } from '../../../../bootstrap/services/test-authority.ts';
import { type AppError, hasCode } from '../../../../src/errors.ts';
import { openLog } from '../../../../src/events/open-log.ts';
import { createMongoClient } from '../../../../src/events/stores/mongo/mongo-connection.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { coctl } from '../../../support/cluster/cli.ts';
import { fact } from '../../../support/log/log-events.ts';
import { mongodbUrl } from '../../../support/log/logs.ts';
import { openTlsProxy, type TlsProxy } from '../../../support/servers/tls-proxy.ts';

const test = suite('mongodb tls');

type Place = { url: string; ca: string; otherCa: string; proxy: TlsProxy };

async function withTls(body: (place: Place) => Promise<void>): Promise<void> {
  const direct = new URL(mongodbUrl!);
  const [authority, other] = [await makeAuthority(), await makeAuthority()];
  const { cert, key } = await authority.writeServer('mongodb');
  const pair = { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') };
  const proxy = await openTlsProxy(pair, { host: direct.hostname, port: Number(direct.port || 27017) });
  const database = `co-test-${randomUUID().slice(0, 13)}`;
  try {
    // Straight to the proxy: a replica set would give the driver its own addresses.
    const url = `mongodb://127.0.0.1:${proxy.port}/${database}?directConnection=true`;
    await body({ url, ca: authority.ca, otherCa: other.ca, proxy });
  } finally {
    await proxy.close();
    await using client = createMongoClient(mongodbUrl!);
    await client.db(database).dropDatabase();
    await Promise.all([authority.remove(), other.remove()]);
  }
}

const proof = (sentence: string, body: Parameters<typeof withTls>[0]) =>
  mongodbUrl ? test(sentence, () => withTls(body)) : test.skip(sentence);
if (!mongodbUrl) console.log('skipped: CO_TEST_MONGODB_URL is not set');

const open = (mongodbUrl: string, mongodbCa: string | null) =>
  openLog({ mongodbUrl, mongodbCa, dataDir: '' }, { writer: 'w', logger: silentLogger });

const refusalOf = (promise: Promise<unknown>) =>
  promise.then(
    () => assert.unreachable('it was opened'),
    (error: AppError) => error,
  );

proof('a log is written and read over TLS, by a manager and by coctl', async ({ url, ca, proxy }) => {
  const { log } = await open(url, ca);
  await log.append([fact('one')]);
  await log.close();
  assert.ok(proxy.secured() > 0);
  const exported = (environment: Record<string, string>) => coctl(['export', '--mongodb', url, '-'], { environment });
  // It was read: there is no cluster in it.
  assert.match((await exported({ CO_MONGODB_CA: ca })).err, /export_empty/);
  assert.match((await exported({})).err, /log_unavailable/);
});

proof('an authority that did not sign the certificate is not enough', async ({ url, otherCa }) => {
  const error = await refusalOf(open(url, otherCa));
  assert.ok(hasCode(error, 'log_unavailable'), String(error));
  assert.match(error!.message, /certificate/);
});

proof('a file that is no authority is refused by name', async ({ url }) => {
  const error = await refusalOf(open(url, '/dev/null'));
  assert.ok(hasCode(error, 'config_invalid'));
  assert.match(error!.message, /--mongodb-ca: \/dev\/null is no regular file/);
});

test.run();
