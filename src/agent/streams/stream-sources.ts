/** What each kind of stream does on the engine: the lines of a container, a command inside it, what it uses. */

import { type AnswerBody, chargeOfLine, chunkBytesMax, inputCredit } from '../../bus/stream-messages.ts';
import { AppError } from '../../errors.ts';
import type { ExecOptions, LogLine, LogOptions, Output, TerminalSize } from '../../model/stream.ts';
import { createSecretMask, type Secret } from '../containers/secret-mask.ts';
import type { Engine, EngineExec } from '../engine/engine.ts';
import { createOutputMask } from './output-mask.ts';
import type { StreamAnswers } from './stream-answers.ts';

export type SourceOptions = { container: string; secrets: readonly Secret[]; signal: AbortSignal };

type Answers = Pick<StreamAnswers, 'send'>;

/** Resolves at the end of the lines. */
export async function sendLogs(
  engine: Pick<Engine, 'logs'>,
  answers: Answers,
  { container, secrets, signal, ...options }: LogOptions & SourceOptions,
): Promise<void> {
  await answers.send({ kind: 'opened' });
  const mask = createSecretMask(secrets);
  for await (const batch of engine.logs(container, options, { mask, signal })) {
    for (const lines of inChunks(batch)) await answers.send({ kind: 'lines', lines });
  }
}

/** Each but one of a single line is at most as large as a chunk. Pure. */
function* inChunks(lines: readonly LogLine[]): Generator<LogLine[]> {
  let chunk: LogLine[] = [];
  let bytes = 0;
  for (const line of lines) {
    const charge = chargeOfLine(line);
    if (chunk.length > 0 && bytes + charge > chunkBytesMax) {
      yield chunk;
      [chunk, bytes] = [[], 0];
    }
    chunk.push(line);
    bytes += charge;
  }
  if (chunk.length > 0) yield chunk;
}

export async function sendStats(
  engine: Pick<Engine, 'stats'>,
  answers: Answers,
  { container }: Pick<SourceOptions, 'container'>,
): Promise<void> {
  await answers.send({ kind: 'opened' });
  await answers.send({ kind: 'stats', stats: await engine.stats(container) });
}

/** Input of a command: written in order, at the pace of the command. */
export type ExecInput = {
  write(bytes: Buffer): void;
  end(): void;
  resize(size: TerminalSize): void;
};

/** A person who types should not notice that something is held back. */
const holdMs = 20;

/**
 * @param onInput gets what takes the input, once the command runs
 * @returns its exit code; null: it is not known
 */
export async function sendExec(
  engine: Pick<Engine, 'exec'>,
  answers: Answers,
  { container, secrets, signal, onInput, ...options }: ExecOptions & SourceOptions & ExecInputOptions,
): Promise<number | null> {
  const exec = await engine.exec(container, options);
  const leave = () => exec.close();
  signal.addEventListener('abort', leave, { once: true });
  try {
    signal.throwIfAborted();
    onInput(createInput(exec, answers));
    await answers.send({ kind: 'opened' });
    await sendOutput(exec, answers, secrets);
    signal.throwIfAborted();
    return await exec.exitCode();
  } finally {
    signal.removeEventListener('abort', leave);
    exec.close();
  }
}

type ExecInputOptions = { onInput: (input: ExecInput) => void };

function createInput(exec: EngineExec, answers: Answers): ExecInput {
  let writing: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  const then = (act: () => unknown) => {
    // What fails here ends the output too, and that is where it is noticed.
    writing = writing.then(act).catch(() => {});
  };
  return {
    write(bytes) {
      waiting += bytes.length;
      if (waiting > 2 * inputCredit) throw new AppError('stream_broken', 'more input than there was credit for');
      then(async () => {
        await exec.write(bytes);
        waiting -= bytes.length;
        if (bytes.length > 0) await answers.send({ kind: 'credit', bytes: bytes.length });
      });
    },
    end: () => then(() => exec.endInput()),
    resize: (size) => then(() => exec.resize(size)),
  };
}

async function sendOutput(exec: EngineExec, answers: Answers, secrets: readonly Secret[]): Promise<void> {
  const masks = { stdout: createOutputMask(secrets), stderr: createOutputMask(secrets) };
  let flushing: NodeJS.Timeout | undefined;
  const send = async (output: Output, bytes: Buffer) => {
    for (let start = 0; start < bytes.length; start += chunkBytesMax) {
      const piece = bytes.subarray(start, start + chunkBytesMax).toString('base64');
      await answers.send({ kind: 'output', output, bytes: piece } satisfies AnswerBody);
    }
  };
  const flush = async () => {
    for (const output of ['stdout', 'stderr'] as const) await send(output, masks[output].flush());
  };
  try {
    for await (const { output, bytes } of exec.output()) {
      clearTimeout(flushing);
      await send(output, masks[output].push(bytes));
      flushing = setTimeout(() => void flush().catch(() => {}), holdMs);
    }
  } finally {
    clearTimeout(flushing);
  }
  await flush();
}
