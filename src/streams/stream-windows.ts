/** What is under way of a stream in each direction, within its credit: chunks that its user has not taken, input that its agent has not. */

import { type AnswerBody, chargeOf, chunkBytesMax, inputCredit } from '../bus/stream-messages.ts';
import type { ByteRate } from '../concurrency/byte-rate.ts';
import { createCredit } from '../concurrency/credit.ts';
import { createFifo } from '../concurrency/fifo.ts';
import { createNotifier } from '../concurrency/notifier.ts';

export type StreamChunk = Extract<AnswerBody, { kind: 'lines' | 'output' | 'stats' }>;

/** Output under way to a client that does not read. Some milliseconds of a fast one. */
export const windowBytes = 128 * 1024;
/** A chunk is sent while there is any credit. */
const overdraftBytes = 2 * chunkBytesMax;
/** A wait ends with the stream; this only bounds a timer. */
const waitMs = 60_000;

export type OutputWindow = {
  /** false: there was no credit for it. */
  add(chunk: StreamChunk): boolean;
  /** Until the stream is over and all is taken. */
  take(): AsyncGenerator<StreamChunk>;
};

/** @param giveBack bytes of credit, when there are enough of them @param over aborted with the stream */
export function createOutputWindow(
  { rate, giveBack }: { rate: ByteRate; giveBack: (bytes: number) => void },
  over: AbortSignal,
): OutputWindow {
  const arrived = createNotifier(over);
  const chunks = createFifo<StreamChunk>();
  let [waiting, owed] = [0, 0];

  const release = (charge: number) => {
    waiting -= charge;
    owed += charge;
    if (owed < windowBytes / 2 || over.aborted) return;
    giveBack(owed);
    owed = 0;
  };

  return {
    add(chunk) {
      waiting += chargeOf(chunk);
      if (waiting + owed > windowBytes + overdraftBytes) return false;
      chunks.add(chunk);
      arrived.notify();
      return true;
    },
    async *take() {
      for (;;) {
        arrived.reset();
        for (let chunk = chunks.take(); chunk; chunk = chunks.take()) {
          const charge = chargeOf(chunk);
          if (!over.aborted) await rate.take(charge, over).catch(() => {});
          yield chunk;
          release(charge);
        }
        if (over.aborted) return;
        await arrived.wait(waitMs);
      }
    },
  };
}

export type InputWindow = {
  /** Resolves when all of it is sent. */
  write(bytes: Buffer): Promise<void>;
  addCredit(bytes: number): void;
};

export function createInputWindow(send: (piece: Buffer) => void, over: AbortSignal): InputWindow {
  const credit = createCredit(inputCredit, over);
  return {
    async write(bytes) {
      for (let start = 0; start < bytes.length; start += chunkBytesMax) {
        const piece = bytes.subarray(start, start + chunkBytesMax);
        await credit.take(piece.length).catch(() => {});
        if (over.aborted) return;
        send(piece);
      }
    },
    addCredit: credit.add,
  };
}
