/** One stream at the manager's end: answers in order, credit given back as they are taken, input as the agent has room for it. */

import type { OpenRequest, StreamAnswer, StreamRequest } from '../bus/stream-messages.ts';
import type { ByteRate } from '../concurrency/byte-rate.ts';
import { AppError } from '../errors.ts';
import type { TerminalSize } from '../model/stream.ts';
import { createInputWindow, createOutputWindow, type StreamChunk, windowBytes } from './stream-windows.ts';

/** For who opened it. */
export type ClientStream = {
  /** Once. Ends with the stream. @throws AppError with the code of an end that was not its own */
  chunks(): AsyncGenerator<StreamChunk>;
  /** Of a command, once its chunks are over; null: it is not known. */
  exitCode(): number | null;
  /** Resolves when all of it is sent. The next write, and the end of the input, wait for that. */
  write(bytes: Buffer): Promise<void>;
  endInput(): void;
  resize(size: TerminalSize): void;
  /** Its user leaves. */
  close(): void;
  /** Called once, at its end: null when it came to its own. */
  onOver(listener: (error: unknown) => void): void;
};

type Without<T, K extends string> = T extends { streamId: string }
  ? Omit<T, 'clusterId' | 'node' | 'streamId' | K>
  : never;
type RequestBody = Without<StreamRequest, 'sequence'>;

/** Of this stream. */
export type SendRequest = (request: RequestBody & { sequence: number }) => Promise<void>;

/** For the client that keeps it. */
export type ManagedStream = ClientStream & {
  opened: Promise<void>;
  begin(open: Pick<OpenRequest, 'manager' | 'container' | 'ask'>): void;
  take(answer: Exclude<StreamAnswer, { kind: 'kept' }>): void;
  noteKept(isKept: boolean): void;
  end(error: unknown): void;
};

/** An answer to the round before may lack what was opened since. */
const missedMax = 2;

type Deps = { send: SendRequest; rate: ByteRate; onOver: () => void };

export function createClientStream({ send, rate, onOver }: Deps): ManagedStream {
  const over = new AbortController();
  const opening = Promise.withResolvers<void>();
  opening.promise.catch(() => {});
  const listeners = new Set<(error: unknown) => void>();
  let [requests, answers, missed] = [0, 0, 0];
  let failure: unknown = null;
  let exitCode: number | null = null;

  const request = (body: RequestBody) => {
    if (over.signal.aborted) return;
    requests += 1;
    void send({ ...body, sequence: requests }).catch(end);
  };
  const giveBack = (bytes: number) => request({ kind: 'credit', bytes });
  const output = createOutputWindow({ rate, giveBack }, over.signal);
  const input = createInputWindow((piece) => {
    request({ kind: 'input', bytes: piece.toString('base64') });
  }, over.signal);

  const finish = (error: unknown) => {
    if (over.signal.aborted) return;
    failure = error;
    over.abort();
    if (error === null) opening.resolve();
    else opening.reject(error);
    onOver();
    for (const listener of listeners) listener(error);
  };
  /** Not by the agent, which has to be informed. */
  const end = (error: unknown) => {
    request({ kind: 'close' });
    finish(error);
  };

  const apply = (answer: Exclude<StreamAnswer, { kind: 'kept' }>) => {
    if (answer.kind === 'opened') opening.resolve();
    else if (answer.kind === 'credit') input.addCredit(answer.bytes);
    else if (answer.kind === 'end') {
      exitCode = answer.exitCode ?? null;
      finish(answer.error ? new AppError(answer.error.code, answer.error.message) : null);
    } else if (!output.add(answer)) end(broken('more came than there was credit for'));
  };

  const close = () => end(new AppError('client_gone', 'its client has left'));

  return {
    opened: opening.promise,
    begin: (open) => request({ kind: 'open', ...open, credit: windowBytes }),
    take(answer) {
      // The broker may have it twice.
      if (over.signal.aborted || answer.sequence <= answers) return;
      if (answer.sequence > answers + 1) return end(broken('a part of it is missing'));
      answers = answer.sequence;
      apply(answer);
    },
    noteKept(isKept) {
      missed = isKept ? 0 : missed + 1;
      if (missed >= missedMax) end(broken('its agent was restarted'));
    },
    end,
    async *chunks() {
      try {
        yield* output.take();
        if (failure !== null) throw failure;
      } finally {
        close();
      }
    },
    exitCode: () => exitCode,
    write: input.write,
    endInput: () => request({ kind: 'input end' }),
    resize: (size) => request({ kind: 'resize', size }),
    close,
    onOver(listener) {
      if (over.signal.aborted) listener(failure);
      else listeners.add(listener);
    },
  };
}

const broken = (why: string) => new AppError('stream_broken', `the stream broke: ${why}`, { retryable: true });
