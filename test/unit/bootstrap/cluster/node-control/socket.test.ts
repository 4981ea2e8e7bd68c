/** That a request reaches the `up` on the same data and nobody else, and that each way to miss it has its own words. */

import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sendRequest, serveRequests, socketFile } from '../../../../../bootstrap/cluster/node-control/socket.ts';
import { AppError } from '../../../../../src/errors.ts';

const test = suite('node control: the socket');

const inFolder = (body: (dir: string) => Promise<void>) => async () => {
  const dir = await mkdtemp(join(tmpdir(), 'co-socket-'));
  try {
    await body(dir);
  } finally {
    await rm(dir, { recursive: true });
  }
};

const refusalOf = (asked: Promise<unknown>) =>
  asked.then(
    () => 'not refused',
    (error: AppError) => `${error.code}: ${error.message}`,
  );

const echo = async (request: unknown) => [JSON.stringify(request)];

/** What a killed `up` leaves: a socket where nobody listens. A server that closes takes away only what has its name. */
async function leaveStaleSocket(path: string): Promise<void> {
  const server = createServer().listen(path);
  await once(server, 'listening');
  await rename(path, `${path}.kept`);
  server.close();
  await once(server, 'close');
  await rename(`${path}.kept`, path);
}

test(
  'a request is answered, and the socket is its owner’s alone',
  inFolder(async (dir) => {
    const serving = await serveRequests(dir, echo);
    assert.is((await stat(join(dir, socketFile))).mode & 0o777, 0o600);
    assert.equal(await sendRequest(dir, { command: 'list' }), ['{"command":"list"}']);
    await serving.close();
    assert.equal(await readdir(dir), []);
  }),
);

test(
  'a refusal comes back with its code, a defect with its words, and what is no JSON as no request',
  inFolder(async (dir) => {
    const serving = await serveRequests(dir, async (request) => {
      if (request === 'refuse') throw new AppError('config_invalid', 'no such worker');
      if (request === 'break') throw new Error('broken');
      return [String(request)];
    });
    try {
      assert.is(await refusalOf(sendRequest(dir, 'refuse')), 'config_invalid: no such worker');
      assert.is(await refusalOf(sendRequest(dir, 'break')), 'internal: broken');
      const other = connect(join(dir, socketFile));
      other.write('hello\n');
      assert.is(await text(other), '{"lines":["null"]}\n');
      const endless = connect(join(dir, socketFile));
      endless.on('error', () => {}).write('x'.repeat(70_000));
      await once(endless, 'close');
    } finally {
      await serving.close();
    }
  }),
);

test(
  'without an up, without its data and with what is left of a killed one, it is said that none runs',
  inFolder(async (dir) => {
    const none = /^not_running: no `up` runs on /;
    assert.match(await refusalOf(sendRequest(dir, 'list')), none);
    assert.match(await refusalOf(sendRequest(join(dir, 'nowhere'), 'list')), none);
    await leaveStaleSocket(join(dir, socketFile));
    assert.match(await refusalOf(sendRequest(dir, 'list')), none);
    const serving = await serveRequests(dir, echo);
    assert.equal(await sendRequest(dir, 1), ['1']);
    await serving.close();
  }),
);

test(
  'an up that ends before it has answered is not waited for',
  inFolder(async (dir) => {
    const asked = Promise.withResolvers<void>();
    const serving = await serveRequests(dir, () => {
      asked.resolve();
      return new Promise(() => {});
    });
    const refusal = refusalOf(sendRequest(dir, 'down'));
    await asked.promise;
    await serving.close();
    assert.match(await refusal, /^no_answer: .* it ended before/);
  }),
);

if (process.platform === 'linux') {
  test(
    'a folder whose path is too long for an address is served all the same',
    inFolder(async (dir) => {
      const deep = join(dir, 'a'.repeat(100), 'b'.repeat(100));
      await mkdir(deep, { recursive: true });
      assert.match(await refusalOf(sendRequest(deep, 'list')), /^not_running: /);
      const serving = await serveRequests(deep, echo);
      assert.ok((await stat(join(deep, socketFile))).isSocket());
      assert.equal(await sendRequest(deep, 1), ['1']);
      await serving.close();
      assert.equal(await readdir(deep), []);
    }),
  );
}

test.run();
