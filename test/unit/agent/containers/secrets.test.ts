import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { resolveEnvironment } from '../../../../src/agent/containers/secrets.ts';
import { AppError } from '../../../../src/errors.ts';

const test = suite<{ dir: string }>('secrets');

test.before.each(async (context) => {
  context.dir = await mkdtemp(join(tmpdir(), 'co-secrets-'));
});
test.after.each(({ dir }) => rm(dir, { recursive: true, force: true }));

const resolve = (dir: string | null, secret: string) => resolveEnvironment([{ name: 'KEY', secret }], dir);

test('values stay, secrets are read without the line end of their file, order is kept', async ({ dir }) => {
  await writeFile(join(dir, 'api-key'), 'first\nsecond\n');
  const env = [
    { name: 'A', value: 'plain' },
    { name: 'B', secret: 'api-key' },
    { name: 'C', value: '' },
  ];
  assert.equal(await resolveEnvironment(env, dir), [
    { name: 'A', value: 'plain' },
    { name: 'B', value: 'first\nsecond' },
    { name: 'C', value: '' },
  ]);
});

const refusals: [string, string, RegExp][] = [
  ['missing', 'nothing', /"nothing" is not in the folder/],
  ['outside of the folder', '../outside', /name that no secret can have/],
  ['hidden', '.hidden', /name that no secret can have/],
  ['a folder', 'folder', /is not a file/],
  ['too large', 'large', /is larger than/],
  ['binary', 'binary', /NUL/],
];

for (const [what, name, message] of refusals) {
  test(`a secret that is ${what} is refused by its name, without its value`, async ({ dir }) => {
    await mkdir(join(dir, 'folder'));
    await writeFile(join(dir, 'large'), Buffer.alloc(200_000, 'x'));
    await writeFile(join(dir, 'binary'), 'top\0secret');
    const error = await resolve(dir, name).catch((error: unknown) => error);
    assert.instance(error, AppError);
    assert.is((error as AppError).code, 'secret_unreadable');
    assert.match((error as AppError).message, message);
    assert.not.match((error as AppError).message, /top|xxx/);
  });
}

test('an agent without a folder has no secrets', async () => {
  const error = await resolve(null, 'api-key').catch((error: unknown) => error);
  assert.match((error as AppError).message, /CO_SECRETS_DIR/);
});

test('a link to a file is followed: that is how mounted secrets are kept', async ({ dir }) => {
  await writeFile(join(dir, 'target'), 'value');
  await chmod(join(dir, 'target'), 0o400);
  await symlink(join(dir, 'target'), join(dir, 'link'));
  assert.equal(await resolve(dir, 'link'), [{ name: 'KEY', value: 'value' }]);
});

test.run();
