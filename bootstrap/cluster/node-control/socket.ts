/**
 * The way from `./bootstrap/node` to the `up` on the same data: a unix socket in the data folder, for its owner
 * only; one line of JSON there, one back. Knows nothing of nodes.
 */

import { constants } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { AppError } from '../../../src/errors.ts';

export const socketFile = 'up.sock';

/** What a socket's address has room for: 108 bytes on Linux, 104 elsewhere, the last of them a zero. */
const pathBytesMax = 103;
/** Requests and answers are sentences. */
const lineLengthMax = 64 * 1024;
/** A client that connects has its line ready. */
const requestDeadlineMs = 5_000;
/** Over the 30 s that an agent gets to become ready, and the end of the one before. */
const answerDeadlineMs = 45_000;

type Answer = { lines: string[] } | { refused: { code: string; message: string } };

/**
 * Only for the process that has locked the folder: a socket that is there already is of a process that is gone.
 * @param answer what is said to a request, in lines for people; its AppErrors are thrown again where it was asked
 * @throws AppError `data_unusable`
 */
export async function serveRequests(
  dir: string,
  answer: (request: unknown) => Promise<string[]>,
): Promise<{ close(): Promise<void> }> {
  const { path, release } = await locate(dir);
  await rm(path, { force: true });
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket.on('close', () => open.delete(socket)));
    serve(socket, answer).catch(() => socket.destroy());
  });
  const listening = Promise.withResolvers<void>();
  server.on('error', listening.reject).on('listening', listening.resolve);
  // The socket comes into being inside the call, and is its owner's from the start.
  const mask = process.umask(0o177);
  server.listen(path);
  process.umask(mask);
  await listening.promise.catch(async (error: Error) => {
    await release();
    throw new AppError('data_unusable', `no socket can be made in ${dir}: ${error.message}`, { cause: error });
  });
  return {
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of open) socket.destroy();
      await closed;
      await release();
    },
  };
}

async function serve(socket: Socket, answer: (request: unknown) => Promise<string[]>): Promise<void> {
  const line = await readLine(socket, requestDeadlineMs);
  socket.setTimeout(0);
  const reply: Answer = await answer(parseRequest(line)).then(
    (lines) => ({ lines }),
    (error) => ({ refused: { code: error instanceof AppError ? error.code : 'internal', message: error.message } }),
  );
  socket.end(`${JSON.stringify(reply)}\n`);
}

/** What is no JSON is no request either; the answer says so. */
function parseRequest(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/** @throws AppError `not_running` · `no_answer` · `data_unusable` · whatever `up` refuses the request with */
export async function sendRequest(dir: string, request: unknown): Promise<string[]> {
  const none = `no \`up\` runs on ${dir}, or it is not ready yet: start ./bootstrap/up, or give the --data it runs on`;
  const where = await locate(dir).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new AppError('not_running', none, { cause: error }) : error;
  });
  const socket = connect(where.path);
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    const answer = JSON.parse(await readLine(socket, answerDeadlineMs)) as Answer;
    if ('lines' in answer) return answer.lines;
    throw new AppError(answer.refused.code, answer.refused.message);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (error instanceof AppError) throw error;
    if (['ENOENT', 'ECONNREFUSED'].includes(code)) throw new AppError('not_running', none, { cause: error });
    if (code === 'EACCES')
      throw new AppError('not_running', `the \`up\` on ${dir} is another user's`, { cause: error });
    throw new AppError('no_answer', `the \`up\` on ${dir} gave no answer: ${message}`, { cause: error });
  } finally {
    socket.destroy();
    await where.release();
  }
}

/** Where the path is too long for an address, Linux reaches the socket by way of the open folder. */
async function locate(dir: string): Promise<{ path: string; release(): Promise<void> }> {
  const path = join(resolve(dir), socketFile);
  if (Buffer.byteLength(path) <= pathBytesMax) return { path, release: async () => {} };
  if (process.platform !== 'linux') {
    throw new AppError('data_unusable', `${path} is too long for a socket's address: choose a shorter --data`);
  }
  const folder = await open(dir, constants.O_RDONLY | constants.O_DIRECTORY);
  return { path: `/proc/self/fd/${folder.fd}/${socketFile}`, release: () => folder.close() };
}

/** The first line. Rejects when the other end is silent for that long, goes away, or never ends its line. */
function readLine(socket: Socket, silenceMaxMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.setTimeout(silenceMaxMs, () => reject(new Error(`nothing came for ${silenceMaxMs / 1000} s`)));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('it ended before')));
    socket.on('end', () => reject(new Error('it ended before')));
    socket.on('data', (chunk) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end));
      else if (text.length > lineLengthMax) reject(new Error('its line has no end'));
    });
  });
}
