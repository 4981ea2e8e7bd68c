/** Which files other users of the machine can read: closed where they are ours, named where they are the operator's. */

import { chmod, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findOpenSecrets, tightenFolder } from '../../../src/daemon/private-files.ts';

const test = suite<{ dir: string }>('private files');

test.before.each(async (context) => {
  context.dir = await mkdtemp(join(tmpdir(), 'co-private-'));
});
test.after.each(({ dir }) => rm(dir, { recursive: true }));

const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);

/** A file that others may read, whatever the umask. */
async function openFile(path: string): Promise<string> {
  await writeFile(path, 'x');
  await chmod(path, 0o644);
  return path;
}

test('a folder of an earlier version is closed with all that is in it, and says so once', async ({ dir }) => {
  const data = join(dir, 'data');
  await mkdir(join(data, 'snapshots'), { recursive: true });
  for (const path of [data, join(data, 'snapshots')]) await chmod(path, 0o755);
  const files = [join(data, 'events.sqlite'), join(data, 'snapshots', '1.snapshot')];
  for (const path of files) await openFile(path);
  assert.match((await tightenFolder(data)) ?? '', /data could be read by other users .* 3 entries/);
  assert.equal(await Promise.all([data, join(data, 'snapshots'), ...files].map(modeOf)), ['700', '700', '600', '600']);
  assert.is(await tightenFolder(data), null);
});

test('what a link leads to is not ours', async ({ dir }) => {
  const [data, elsewhere] = [join(dir, 'data'), await openFile(join(dir, 'elsewhere'))];
  await mkdir(data, { mode: 0o700 });
  await symlink(elsewhere, join(data, 'link'));
  assert.is(await tightenFolder(data), null);
  assert.is(await modeOf(elsewhere), '644');
});

test('a folder that is not there yet needs nothing', async ({ dir }) => {
  assert.is(await tightenFolder(join(dir, 'nowhere')), null);
});

const noKeys = {
  tls: null,
  amqpTls: { ca: null, cert: null, key: null },
  dockerCertPath: null,
  secretsKeyPath: '/none',
};

test('keys that others can read are named likewise', async ({ dir }) => {
  const [server, broker, engine, secrets] = await Promise.all(
    ['a', 'b', 'key.pem', 'secrets.key'].map((name) => openFile(join(dir, name))),
  );
  const config = {
    ...{ tokensPath: null, secretsDir: null, dockerCertPath: dir, secretsKeyPath: secrets! },
    tls: { kind: 'files' as const, cert: 'cert.pem', key: server!, clientCa: null },
    amqpTls: { ...noKeys.amqpTls, key: broker! },
  };
  assert.equal(
    (await findOpenSecrets(config)).map((warning) => warning.split(': ')[1]),
    [server, broker, secrets, engine].map((path) => `chmod 600 ${path}`),
  );
});

test('tokens and secrets that others can read are named with the command that mends it', async ({ dir }) => {
  const tokensPath = await openFile(join(dir, 'tokens'));
  const secretsDir = join(dir, 'secrets');
  await mkdir(secretsDir);
  await chmod(secretsDir, 0o755);
  assert.equal(
    (await findOpenSecrets({ ...noKeys, tokensPath, secretsDir })).map((warning) => warning.split(': ')[1]),
    [`chmod 600 ${tokensPath}`, `chmod -R go= ${secretsDir}`],
  );
  await chmod(tokensPath, 0o600);
  await chmod(secretsDir, 0o700);
  assert.equal(await findOpenSecrets({ ...noKeys, tokensPath, secretsDir }), []);
  assert.equal(await findOpenSecrets({ ...noKeys, tokensPath: null, secretsDir: null }), []);
});

test.run();
