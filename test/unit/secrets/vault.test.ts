/** What a vault keeps, under which key, and what it lets go. */

import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { SecretStore } from '../../../src/secrets/secret-store.ts';
import { createSecretFiles } from '../../../src/secrets/stores/secret-files.ts';
import { createVault } from '../../../src/secrets/vault.ts';
import { refusal } from '../../support/refusal.ts';

type Place = { dir: string; store: SecretStore; keyPath: string };
const test = suite<Place>('vault');

const clusterId = '00000000-0000-4000-8000-000000000001';
const value = Buffer.from('the password of a registry');

test.before.each(async (context) => {
  context.dir = await mkdtemp(join(tmpdir(), 'co-vault-'));
  context.store = createSecretFiles(join(context.dir, 'secrets'));
  context.keyPath = join(context.dir, 'secrets.key');
});
test.after.each(({ dir }) => rm(dir, { recursive: true }));

const open = ({ store, keyPath }: Place, { nowMs = 0, id = clusterId } = {}) =>
  createVault({ store, clock: { nowMs: () => nowMs } }, { clusterId: id, keyPath });

test('what was put in comes out, and lies nowhere in clear', async (place) => {
  await open(place).put('a', 1, value);
  assert.equal(await open(place).get('a', 1), value);
  const files = (await readdir(place.dir, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  assert.is(files.length, 2);
  for (const { parentPath, name } of files) {
    const bytes = await readFile(join(parentPath, name));
    assert.not.ok(bytes.includes(value) || bytes.includes(value.toString('base64').slice(0, 12)), name);
    assert.is((await stat(join(parentPath, name))).mode & 0o777, 0o600, name);
  }
});

test('a version is taken once', async (place) => {
  assert.is(await open(place).put('a', 1, value), true);
  assert.is(await open(place).put('a', 1, Buffer.from('other')), false);
  assert.equal(await open(place).get('a', 1), value);
});

test('a record in the place of another does not open', async (place) => {
  const vault = open(place);
  await vault.put('a', 1, value);
  const stored = (await place.store.find('a', 1))!;
  await place.store.add({ ...stored, version: 2 });
  await place.store.add({ ...stored, name: 'b' });
  assert.is((await refusal(() => vault.get('a', 2))).code, 'secret_damaged');
  assert.is((await refusal(() => vault.get('b', 1))).code, 'secret_damaged');
  assert.is((await refusal(() => open(place, { id: clusterId.replace('1', '2') }).get('a', 1))).code, 'secret_damaged');
});

test('each changed byte of a record is noticed', async (place) => {
  const vault = open(place);
  await vault.put('a', 1, value);
  const stored = (await place.store.find('a', 1))!;
  for (let index = 0; index < stored.sealed.length; index += 1) {
    const sealed = Buffer.from(stored.sealed);
    sealed[index]! ^= 0x80;
    await place.store.remove('a', 1);
    await place.store.add({ ...stored, sealed });
    assert.is((await refusal(() => vault.get('a', 1))).code, 'secret_damaged', `byte ${index}`);
  }
});

test('what is not stored is said to be so', async (place) => {
  await open(place).put('a', 1, value);
  assert.is((await refusal(() => open(place).get('a', 2))).code, 'secret_not_found');
});

test('a key file is made with the first value, and never beside values that need another', async (place) => {
  await open(place).put('a', 1, value);
  await rm(place.keyPath);
  const missing = await refusal(() => open(place).put('a', 2, value));
  assert.is(missing.code, 'secrets_key_missing');
  assert.match(missing.message, /secrets\.key is missing, and values are stored: copy it from another manager/);
  assert.is((await refusal(() => open(place).get('a', 1))).code, 'secrets_key_missing');
});

test('another key is refused, by both names and without a value', async (place) => {
  await open(place).put('a', 1, value);
  await writeFile(place.keyPath, `${'0'.repeat(64)}\n`);
  for (const attempt of [() => open(place).put('a', 2, value), () => open(place).get('a', 1)]) {
    const error = await refusal(attempt);
    assert.is(error.code, 'secrets_key_differs');
    assert.match(
      error.message,
      /holds key [0-9a-f]{16}, and what is stored needs key [0-9a-f]{16}: all managers share/,
    );
  }
});

test('a file that holds no key is named', async (place) => {
  await writeFile(place.keyPath, 'secret');
  const error = await refusal(() => open(place).put('a', 1, value));
  assert.is(error.code, 'secrets_key_invalid');
  assert.not.match(error.message, /holds secret/);
});

test('two that begin at once have one key', async (place) => {
  const [one, other] = [open(place), open(place)];
  await Promise.all([one.put('a', 1, value), other.put('b', 1, value)]);
  assert.equal(await one.get('b', 1), value);
  assert.equal(await other.get('a', 1), value);
});

test('a fingerprint is the same for the same value and key only', async (place) => {
  const first = await open(place).fingerprint(value);
  assert.is(await open(place).fingerprint(value), first);
  assert.is.not(await open(place).fingerprint(Buffer.from('other')), first);
  await writeFile(place.keyPath, `${'0'.repeat(64)}\n`);
  assert.is.not(await open(place).fingerprint(value), first);
});

test('what no fact makes current goes after ten minutes, and what one does stays', async (place) => {
  for (const version of [1, 2]) await open(place, { nowMs: 1_000 }).put('a', version, value);
  await open(place, { nowMs: 500_000 }).put('a', 3, value);
  const isCurrent = ({ version }: { version: number }) => version === 2;
  assert.is(await open(place, { nowMs: 600_000 }).sweep(isCurrent), 0);
  assert.is(await open(place, { nowMs: 601_001 }).sweep(isCurrent), 1);
  assert.equal(
    (await place.store.list()).map(({ version }) => version),
    [2, 3],
  );
});

test.run();
