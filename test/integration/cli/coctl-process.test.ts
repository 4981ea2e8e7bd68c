/** The command line as a process: what it tells the shell when a file, a reader or a person gets in its way. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readBytes } from '../../../src/history/archive/archive-file.ts';
import { coctl } from '../../support/cluster/cli.ts';
import { type RecordedFile, recordFile } from '../../support/log/recorded-log.ts';
import { until } from '../../support/wait.ts';

const program = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url));
const test = suite('coctl as a process');

let recorded: RecordedFile;
const at = (name: string) => join(recorded.folder, name);

test.before(async () => {
  recorded = await recordFile();
  await mkdir(at('tmp'));
  assert.is((await coctl(['export', at('log.ndjson.gz'), '--sqlite', recorded.path])).code, 0);
  const packed = await readFile(at('log.ndjson.gz'));
  await writeFile(at('cut.ndjson.gz'), packed.subarray(0, packed.length - 40));
});
test.after(() => recorded.remove());

type Ended = { code: number | null; err: string };

/** With a temporary folder of its own. */
function start(args: string[], out: 'pipe' | number = 'pipe'): { child: ChildProcess; ended: Promise<Ended> } {
  const environment = { ...process.env, TMPDIR: at('tmp') };
  const child = spawn(process.execPath, [program, ...args], { stdio: ['pipe', out, 'pipe'], env: environment });
  let err = '';
  child.stderr!.on('data', (piece) => {
    err += piece;
  });
  return { child, ended: once(child, 'close').then(([code]) => ({ code, err })) };
}

test('standard output that is full is exit code 3, and said', async () => {
  for (const args of [['export', '-'], ['replay', '--at', '20'], ['verify']]) {
    const full = await open('/dev/full', 'w');
    const { code, err } = await start([...args, '--sqlite', recorded.path], full.fd).ended;
    await full.close();
    assert.is(code, 3, `${args[0]}: ${err}`);
    assert.match(err, /^standard output cannot be written: ENOSPC[^\n]*\n$/);
  }
});

test('a reader that leaves has seen enough, and nothing unpacked is left behind', async () => {
  const { child, ended } = start(['replay', '--file', at('log.ndjson.gz'), '--from', '1', '--speed', 'max']);
  child.stdout!.destroy();
  const { code, err } = await ended;
  assert.is(code, 0, err);
  assert.is(err, '');
  assert.equal(await readdir(at('tmp')), []);
});

test('Ctrl-C ends an import that waits for its input', async () => {
  const { child, ended } = start(['import', '-', '--sqlite', at('idle.sqlite')]);
  await until('the import waits', () => existsSync(at('idle.sqlite')));
  child.kill('SIGINT');
  assert.is((await ended).code, 130);
});

test('Ctrl-C ends a play, and what was unpacked is gone', async () => {
  const { child, ended } = start(['replay', '--file', at('log.ndjson.gz'), '--from', '1', '--speed', '0.0001']);
  await once(child.stdout!, 'data');
  assert.is((await readdir(at('tmp'))).length, 1);
  child.kill('SIGINT');
  assert.is((await ended).code, 130);
  assert.equal(await readdir(at('tmp')), []);
});

test('unpacking ends in the middle when it is told to', async () => {
  await writeFile(at('zeros.gz'), gzipSync(Buffer.alloc(32 * 1024 * 1024)));
  const stop = new AbortController();
  let bytes = 0;
  let failed: unknown;
  try {
    for await (const piece of readBytes(at('zeros.gz'), { signal: stop.signal })) {
      bytes += piece.length;
      stop.abort();
    }
  } catch (error) {
    failed = error;
  }
  assert.is(failed, stop.signal.reason);
  assert.ok(bytes < 1024 * 1024);
});

test('a packed file that is cut off is named as such, whoever reads it', async () => {
  for (const args of [
    ['import', at('cut.ndjson.gz'), '--sqlite', at('cut.sqlite')],
    ['verify', '--file', at('cut.ndjson.gz')],
  ]) {
    const { code, err } = await start(args).ended;
    assert.is(code, 3, err);
    assert.match(err, /^the file cannot be read: unexpected end of file \(file_unreadable\)\n$/);
  }
  assert.equal(await readdir(at('tmp')), []);
});

test('a folder that is not there and a disk that is full are told in a line', async () => {
  await symlink('/dev/full', at('full.ndjson.partial'));
  for (const [path, why] of [
    [at('nowhere/log.ndjson'), 'ENOENT'],
    [at('full.ndjson'), 'ENOSPC'],
  ] as const) {
    const { code, err } = await coctl(['export', path, '--sqlite', recorded.path]);
    assert.is(code, 3, err);
    assert.match(err, new RegExp(`^the system refused: ${why}[^\\n]*\\n$`));
  }
});

test.run();
