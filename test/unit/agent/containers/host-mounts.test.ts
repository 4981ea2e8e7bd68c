/** The agent's own check of what a container would use of the machine: by the path, and by where its links lead. */

import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { resolveHostMounts } from '../../../../src/agent/containers/host-mounts.ts';
import { hasCode } from '../../../../src/errors.ts';
import { spec } from '../../../support/log/history.ts';

const test = suite<{ dir: string }>('host mounts');

test.before.each(async (context) => {
  context.dir = await realpath(await mkdtemp(join(tmpdir(), 'co-mounts-')));
  await mkdir(join(context.dir, 'srv', 'data'), { recursive: true });
  await mkdir(join(context.dir, 'private', 'keys'), { recursive: true });
});
test.after.each(({ dir }) => rm(dir, { recursive: true, force: true }));

const binding = (...sources: string[]) =>
  spec({ binds: sources.map((source, index) => ({ source, target: `/data-${index}`, readOnly: true })) });

async function sourcesOf(allowed: string[], ...sources: string[]): Promise<string[]> {
  const { binds } = await resolveHostMounts(binding(...sources), { binds: allowed, devices: [] });
  return binds!.map(({ source }) => source);
}

async function refusalOf(allowed: string[], ...sources: string[]): Promise<string> {
  const error = await sourcesOf(allowed, ...sources).then(
    (found) => new Error(`accepted ${found}`),
    (error: unknown) => error,
  );
  assert.ok(hasCode(error, 'host_access_refused'), String(error));
  return (error as Error).message;
}

test('a folder and what is below it, there or not, is bound as it is', async ({ dir }) => {
  const srv = join(dir, 'srv');
  const sources = [srv, join(srv, 'data'), join(srv, 'none', 'of', 'it')];
  assert.equal(await sourcesOf([srv], ...sources), sources);
});

test('a spec that takes nothing of the machine is left as it is', async () => {
  const plain = spec();
  assert.is(await resolveHostMounts(plain, { binds: [], devices: [] }), plain);
});

test('what is not allowed is refused by its path', async ({ dir }) => {
  assert.match(await refusalOf([join(dir, 'srv')], join(dir, 'private')), /private may not be bound.*CO_ALLOW_BIND/);
  assert.match(await refusalOf([], join(dir, 'srv')), /may not be bound/);
  assert.match(await refusalOf([join(dir, 'srv')], `${join(dir, 'srv')}x`), /may not be bound/);
});

test('a link out of the folder is refused, be it the folder itself, one on the way or one to nothing', async ({
  dir,
}) => {
  const srv = join(dir, 'srv');
  await symlink(join(dir, 'private'), join(srv, 'out'));
  await symlink('../private/../private/keys', join(srv, 'relative'));
  await symlink(join(dir, 'nothing'), join(srv, 'dangling'));
  for (const source of ['out', 'out/keys', 'out/none/yet', 'relative']) {
    assert.match(await refusalOf([srv], join(srv, source)), new RegExp(`link to ${dir}/private`), source);
  }
  assert.match(await refusalOf([srv], join(srv, 'dangling')), /link to nothing/);
  assert.match(await refusalOf([srv], join(srv, 'dangling', 'below')), /link to nothing/);
});

test('a link inside of what is allowed is bound where it leads', async ({ dir }) => {
  const srv = join(dir, 'srv');
  await symlink('data', join(srv, 'alias'));
  await symlink(join(dir, 'private'), join(srv, 'out'));
  assert.equal(await sourcesOf([srv], join(srv, 'alias')), [join(srv, 'data')]);
  assert.equal(await sourcesOf([srv, join(dir, 'private')], join(srv, 'out', 'keys')), [join(dir, 'private', 'keys')]);
});

test('an allowed folder may be a link itself', async ({ dir }) => {
  await symlink(join(dir, 'srv'), join(dir, 'link'));
  assert.equal(await sourcesOf([join(dir, 'link')], join(dir, 'link', 'data')), [join(dir, 'srv', 'data')]);
});

test('names that a shell would read otherwise are names', async ({ dir }) => {
  const srv = join(dir, 'srv');
  const odd = join(srv, `a b;'"$(touch ${dir}/oops)\\*?`.replaceAll('/', '|'));
  await mkdir(odd);
  assert.equal(await sourcesOf([srv], odd, join(srv, '-n'), join(srv, '?')), [odd, join(srv, '-n'), join(srv, '?')]);
});

test('all of the machine can be allowed', async ({ dir }) => {
  assert.equal(await sourcesOf(['/'], dir, '/', '/co-is-not-here'), [dir, '/', '/co-is-not-here']);
});

test('a device is allowed by its name or its folder', async () => {
  const check = (device: string, ...devices: string[]) =>
    resolveHostMounts(spec({ devices: [device] }), { binds: [], devices });
  await check('/dev/fuse', '/dev/fuse');
  await check('/dev/snd/seq', '/dev/snd');
  for (const [device, allowed] of [
    ['/dev/fuse', '/dev/fus'],
    ['/dev/fuse2', '/dev/fuse'],
    ['/dev/sda', '/dev/snd'],
  ] as const) {
    const error = await check(device, allowed).catch((error: unknown) => error);
    assert.ok(hasCode(error, 'host_access_refused'), device);
    assert.match((error as Error).message, /CO_ALLOW_DEVICE/);
  }
});

test('a path through a file, as through a pipe, is not there, and nothing waits for it', async ({ dir }) => {
  const pipe = join(dir, 'srv', 'pipe');
  await promisify(execFile)('mkfifo', [pipe]);
  assert.equal(await sourcesOf([join(dir, 'srv')], pipe, join(pipe, 'x')), [pipe, join(pipe, 'x')]);
});

test.run();
