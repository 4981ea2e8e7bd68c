/**
 * Bounds what answers hold while their clients read them: in bytes, by the budget, and in time. A route with a stream of its own
 * decides when that one makes no progress.
 */

import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ByteBudget } from './byte-budget.ts';
import { isClientGone } from './client-gone.ts';

/** Not counted: as many as there are connections are no danger. */
const smallBytes = 64 * 1024;
/** Behind another answer of its connection: there may be several on each. */
const smallBytesBehind = 4 * 1024;
/** What a stream takes whose client does not read: a page in the socket, one read ahead, and what they were read from. */
const streamBytes = 512 * 1024;
/** Of lines: what is under way to this manager, and a chunk in the socket. */
const longStreamBytes = 192 * 1024;
/** A client reads an answer within this, and what its size takes at the lowest rate of a line that is worth it. */
const readWithinMs = 60_000;
const bytesPerMsMin = 16;

export type AnswerLimits = {
  /** Called with each answer before it is sent. @throws AppError `streams_full` */
  admit(request: FastifyRequest, reply: FastifyReply, payload: unknown): void;
};

export function createAnswerLimits(budget: ByteBudget): AnswerLimits {
  const charge = createBufferCharge(budget);

  return {
    admit(request, reply, payload) {
      if (isClientGone(request)) return;
      if (payload instanceof Readable) return admitStream(budget, request, reply, payload);
      if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return;
      const bytes = payload.length;
      if (bytes <= smallBytesBehind) return;
      limitTime(request, reply, bytes);
      // Without its socket it waits behind another one.
      if (bytes <= smallBytes && reply.raw.socket !== null) return;
      const caller = callerKeyOf(request);
      reply.raw.once('close', typeof payload === 'string' ? budget.take(bytes, caller) : charge(payload, caller));
    },
  };
}

/** Whose share of the budget an answer takes. */
export const callerKeyOf = ({ caller, ip }: FastifyRequest): string => caller?.limitKey ?? ip;

function admitStream(budget: ByteBudget, request: FastifyRequest, reply: FastifyReply, stream: Readable): void {
  const bytes = request.routeOptions.config.isLong ? longStreamBytes : streamBytes;
  try {
    reply.raw.once('close', budget.take(bytes, callerKeyOf(request)));
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

function limitTime({ raw: { socket } }: FastifyRequest, reply: FastifyReply, bytes: number): void {
  const timer = setTimeout(() => socket.destroy(), readWithinMs + bytes / bytesPerMsMin).unref();
  reply.raw.once('close', () => clearTimeout(timer));
}

/** A cached body is the same for all who read it: it is counted once, for as long as one of them does. */
function createBufferCharge(budget: ByteBudget) {
  const read = new WeakMap<Buffer, { readers: number; release: () => void }>();

  return (bytes: Buffer, caller: string): (() => void) => {
    const entry = read.get(bytes) ?? { readers: 0, release: budget.take(bytes.length, caller) };
    entry.readers += 1;
    read.set(bytes, entry);
    return () => {
      entry.readers -= 1;
      if (entry.readers > 0) return;
      entry.release();
      read.delete(bytes);
    };
  };
}
