/** The command `coctl exec`: a command inside a running container, with the input and the terminal of this one. */

import type { Command } from 'commander';
import type { WebSocket } from 'ws';
import { AppError } from '../../errors.ts';
import { type CliContext, exitCodes, type Input } from '../output/context.ts';
import { addExamples } from '../output/examples.ts';
import { type ApiOptions, addApiOptions, createApi } from '../sources/api.ts';
import { runningContainer } from '../sources/running-container.ts';

type Options = ApiOptions & { stdin?: boolean; tty?: boolean };

type End = { kind: 'end'; exitCode?: number | null; problem?: { code: string; detail: string } };

/** Of a terminal that says no size. */
const sizeDefault = { columns: 80, rows: 24 };

export function addExecCommand(program: Command, context: CliContext): void {
  const command = program
    .command('exec <container> <command...>')
    .description('Runs a command in a running container; its exit code is that of the command. Needs scope write')
    .option('-i, --stdin', 'gives it the input of this one')
    .option('-t, --tty', 'under a terminal')
    .action((name: string, words: string[], options: Options) => runExec(name, words, { options, context }));
  addApiOptions(command);
  addExamples(command, [
    ['exec -it web.1 -- sh', 'a shell in the container that runs in this slot'],
    ['exec web.1-4k -- ls -l /tmp', 'one command'],
    ['exec -i web.1-4k -- tee /tmp/file', 'with a file as its input: < file'],
  ]);
}

type Run = { options: Options; context: CliContext };

async function runExec(name: string, words: readonly string[], { options, context }: Run): Promise<void> {
  const api = createApi(context, options);
  const container = await runningContainer(api, name);
  const query = new URLSearchParams(words.map((word): [string, string] => ['command', word]));
  if (options.tty) query.set('tty', 'true');
  if (options.stdin) query.set('stdin', 'true');
  const size = options.tty ? (context.terminalSize() ?? sizeDefault) : null;
  for (const [name, cells] of Object.entries(size ?? {})) query.set(name, String(cells));
  const socket = await api.connect(`/container/${encodeURIComponent(container)}/exec?${query}`);
  const input = options.stdin ? context.input : null;
  const leave = () => socket.terminate();
  context.signal.addEventListener('abort', leave, { once: true });
  const stopFollowingSize = size ? followSize(socket, context) : () => {};
  const isRaw = options.tty === true && input?.isTTY === true;
  if (isRaw) input.setRawMode?.(true);
  try {
    if (input) void sendInput(socket, input).catch(leave);
    const end = await untilEnd(socket, context);
    if (end?.problem) throw new AppError(end.problem.code, end.problem.detail);
    if (end === null) throw new AppError('api_unreachable', 'the manager ended the connection before the command did');
    context.exitWith(end.exitCode ?? exitCodes.different);
  } finally {
    if (isRaw) input.setRawMode?.(false);
    input?.destroy();
    stopFollowingSize();
    context.signal.removeEventListener('abort', leave);
    socket.terminate();
  }
}

/** null: the connection ended before. */
function untilEnd(socket: WebSocket, context: CliContext): Promise<End | null> {
  return new Promise((resolve) => {
    socket.on('message', (message: Buffer, isBinary: boolean) => {
      if (!isBinary) return resolve(JSON.parse(message.toString()) as End);
      const bytes = message.subarray(1);
      if (message[0] === 2) context.writeError(bytes);
      else context.write(bytes);
    });
    socket.once('close', () => resolve(null));
    socket.resume();
  });
}

/** No more is read than the manager takes. */
async function sendInput(socket: WebSocket, input: Input): Promise<void> {
  for await (const bytes of input) {
    if (socket.readyState !== socket.OPEN) return;
    for (let start = 0; start < bytes.length; start += messageBytesMax) {
      const piece = bytes.subarray(start, start + messageBytesMax);
      await new Promise<void>((resolve) => socket.send(piece, { binary: true }, () => resolve()));
    }
  }
  socket.send(JSON.stringify({ kind: 'input end' }));
}

const messageBytesMax = 32 * 1024;

/** @returns ends it */
function followSize(socket: WebSocket, context: CliContext): () => void {
  const onResize = () => {
    const size = context.terminalSize();
    if (size) socket.send(JSON.stringify({ kind: 'resize', ...size }));
  };
  process.on('SIGWINCH', onResize);
  return () => void process.off('SIGWINCH', onResize);
}
