/** That a data folder has one user at a time, remembers whose containers are out there, and loses only our files. */

import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dockerdFiles, findOwnDockerd } from '../../../bootstrap/cluster/engine/own-dockerd.ts';
import { purgeDataFolder } from '../../../bootstrap/cluster/purge.ts';
import { folderFiles, lockDataFolder } from '../../../src/daemon/data-folder.ts';
import { hasCode } from '../../../src/errors.ts';

const test = suite('data folder');

const inFolder = (body: (dir: string) => Promise<void>) => async () => {
  const parent = await mkdtemp(join(tmpdir(), 'co-data-'));
  try {
    await body(join(parent, 'data'));
  } finally {
    await rm(parent, { recursive: true });
  }
};
const codeOf = (promise: Promise<unknown>, ...codes: string[]) =>
  promise.then(
    () => null,
    (error: Error) => {
      assert.ok(
        codes.some((code) => hasCode(error, code)),
        error.message,
      );
      return error.message;
    },
  );

const ours = { cluster: 'co', clusterId: '5c9a1f0e-7d43-4b86-9f21-0e6d3a8b7c15', docker: '/var/run/docker.sock' };
const another = { ...ours, clusterId: '00000000-7d43-4b86-9f21-0e6d3a8b7c15' };

test(
  'a second claim is refused with the process that has the first, and succeeds after it',
  inFolder(async (dir) => {
    const first = await lockDataFolder(dir);
    assert.match((await codeOf(lockDataFolder(dir), 'data_in_use')) ?? '', new RegExp(`process ${process.pid} runs`));
    await first.release();
    await (await lockDataFolder(dir)).release();
  }),
);

test(
  'a folder that cannot be made or used is said to be one',
  inFolder(async (dir) => {
    await writeFile(dir, 'a file');
    assert.ok(await codeOf(lockDataFolder(dir), 'data_unusable'));
    assert.ok(await codeOf(lockDataFolder(join(dir, 'below')), 'data_unusable'));
  }),
);

test(
  'what a cluster left on an engine is remembered until it is taken away',
  inFolder(async (dir) => {
    const folder = await lockDataFolder(dir);
    try {
      assert.is(await folder.readNote(), null);
      await folder.note({ ...another, docker: null });
      await folder.note(ours);
      await folder.note({ ...ours, docker: null });
      assert.equal(await folder.readNote(), ours);
      assert.match((await codeOf(folder.note(another), 'cluster_mismatch')) ?? '', /bootstrap\/down/);
      assert.equal(await folder.readNote(), ours);
      await folder.forget();
      await folder.note(another);
    } finally {
      await folder.release();
    }
  }),
);

test(
  'a purge deletes what we write, and the folder when nothing else is in it',
  inFolder(async (dir) => {
    const folder = await lockDataFolder(dir);
    await folder.note(ours);
    await folder.release();
    for (const name of ['events.sqlite', 'events.sqlite-wal', 'events.sqlite.lock', 'membership.json', 'mine.txt']) {
      await writeFile(join(dir, name), '');
    }
    await mkdir(join(dir, 'tls'));
    await writeFile(join(dir, 'tls', 'ca.pem'), '');
    const { deleted, left } = await purgeDataFolder(dir);
    const log = ['events.sqlite', 'events.sqlite-wal', 'events.sqlite.lock'];
    const expected = [...log, 'membership.json', 'tls', folderFiles.lock, folderFiles.note];
    assert.equal(deleted, expected.toSorted());
    assert.equal(left, ['mine.txt']);
    assert.equal(await readdir(dir), ['mine.txt']);
    await rm(join(dir, 'mine.txt'));
    await purgeDataFolder(dir);
    assert.not.ok((await readdir(join(dir, '../..'))).includes('data'));
  }),
);

test(
  'another process under the pid of our daemon is not taken for it',
  inFolder(async (dir) => {
    await (await lockDataFolder(dir)).release();
    assert.is(await findOwnDockerd(dir), null);
    await writeFile(join(dir, dockerdFiles.note), JSON.stringify({ pid: process.pid, startedAt: '1' }));
    assert.is(await findOwnDockerd(dir), null);
  }),
);

test.run();
