/** Connects a command that runs with the WebSocket of its client: each waits for the other, and ends with it. */

import { on } from 'node:events';
import type { WebSocket } from '@fastify/websocket';
import { Type } from '@sinclair/typebox';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import { AppError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import { TerminalSize } from '../../model/stream.ts';
import type { ClientStream } from '../../streams/client-stream.ts';
import { problemOf } from './problem.ts';

/** Of one message of a client. */
export const socketPayloadBytesMax = 64 * 1024;
/** A client that does not answer one ping before the next is gone. */
const pingEveryMs = 15_000;
/** A client that reads nothing for this long is disconnected. */
const stalledMs = 30_000;
const closeDeadlineMs = 1_000;

const outputs = { stdout: Buffer.from([1]), stderr: Buffer.from([2]) } as const;
const closeCodes = { fine: 1000, invalid: 1008, failed: 1011 } as const;

const Control = TypeCompiler.Compile(
  Type.Union([
    Type.Object({ kind: Type.Literal('input end') }, { additionalProperties: false }),
    Type.Object({ kind: Type.Literal('resize'), ...TerminalSize.properties }, { additionalProperties: false }),
  ]),
);

type Options = { logger: Logger; stopping: AbortSignal };

export function serveExec(socket: WebSocket, stream: ClientStream, { logger, stopping }: Options): void {
  const leave = () => stream.close();
  const stop = () => socket.terminate();
  stopping.addEventListener('abort', stop, { once: true });
  const stopPinging = watchClient(socket);
  socket.on('error', leave);
  socket.on('close', () => {
    stopping.removeEventListener('abort', stop);
    stopPinging();
    leave();
  });
  void takeMessages(socket, stream).catch(leave);
  void sendOutput(socket, stream).catch((error: unknown) => {
    logger.warn({ err: error }, 'the output of a command could not be sent');
    socket.terminate();
  });
}

/** @returns ends it */
function watchClient(socket: WebSocket): () => void {
  let isAlive = true;
  socket.on('pong', () => {
    isAlive = true;
  });
  const timer = setInterval(() => {
    if (!isAlive) return socket.terminate();
    isAlive = false;
    socket.ping();
  }, pingEveryMs);
  return () => clearInterval(timer);
}

/**
 * One at a time: the end of the input comes after all of it. While they wait, no more is read from the network.
 * @throws what is wrong with a message of the client: the socket is closed for it
 */
async function takeMessages(socket: WebSocket, stream: ClientStream): Promise<void> {
  const messages = on(socket, 'message', { close: ['close'], highWaterMark: 1 });
  for await (const [message, isBinary] of messages as AsyncIterable<[message: Buffer, isBinary: boolean]>) {
    if (isBinary) await stream.write(message);
    else control(socket, stream, message);
  }
}

function control(socket: WebSocket, stream: ClientStream, message: Buffer): void {
  const wanted = parseControl(message);
  if (!wanted) {
    stream.close();
    socket.close(closeCodes.invalid, 'a message of text is {"kind":"resize",…} or {"kind":"input end"}');
  } else if (wanted.kind === 'input end') stream.endInput();
  else stream.resize({ columns: wanted.columns, rows: wanted.rows });
}

type Control = { kind: 'input end' } | { kind: 'resize'; columns: number; rows: number };

function parseControl(message: Buffer): Control | null {
  try {
    const value: unknown = JSON.parse(message.toString());
    return Control.Check(value) ? value : null;
  } catch {
    return null;
  }
}

async function sendOutput(socket: WebSocket, stream: ClientStream): Promise<void> {
  let end: { kind: 'end'; exitCode: number | null } | { kind: 'end'; problem: { code: string; detail: string } };
  try {
    for await (const chunk of stream.chunks()) {
      if (chunk.kind !== 'output') continue;
      await send(socket, Buffer.concat([outputs[chunk.output], Buffer.from(chunk.bytes, 'base64')]));
    }
    end = { kind: 'end', exitCode: stream.exitCode() };
  } catch (error) {
    if (socket.readyState !== socket.OPEN) return;
    const { code, detail } = problemOf(error);
    end = { kind: 'end', problem: { code, detail } };
  }
  if (socket.readyState !== socket.OPEN) return;
  await send(socket, JSON.stringify(end));
  socket.close('problem' in end ? closeCodes.failed : closeCodes.fine);
  setTimeout(() => socket.terminate(), closeDeadlineMs).unref();
}

/** Resolves when the socket has accepted it. */
function send(socket: WebSocket, message: Buffer | string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new AppError('client_gone', 'its client reads nothing'));
      socket.terminate();
    }, stalledMs);
    socket.send(message, (error) => {
      clearTimeout(timer);
      if (error) reject(new AppError('client_gone', 'its client has left', { cause: error }));
      else resolve();
    });
  });
}
