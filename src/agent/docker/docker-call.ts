/** Bounds a call to Docker by a deadline, and distinguishes Docker's refusals from a Docker that is not there. */

import { AppError, errorMessage } from '../../errors.ts';

/** Answers from memory or a small file. A busy daemon takes a second, never this long. */
export const queryDeadlineMs = 10_000;
/** Create and start set up a file system, a network and a process; a machine swapping badly needs long for it. */
export const changeDeadlineMs = 60_000;

/** Docker answered, and the answer is an error. */
export class DockerRefusal extends Error {
  readonly status: number;
  constructor(status: number, message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'DockerRefusal';
    this.status = status;
  }
}

/**
 * The call is over at the deadline, also when the client goes on waiting.
 * @param call gets the signal of the deadline, which ends the request
 * @throws DockerRefusal · AppError `engine_unavailable` (retryable)
 */
export async function callDocker<T>(
  what: string,
  deadlineMs: number,
  call: (abortSignal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    deadline.abort();
    late.reject(deadline.signal.reason);
  }, deadlineMs);
  try {
    return await Promise.race([call(deadline.signal), late.promise]);
  } catch (error) {
    const refusal = toRefusal(error);
    if (refusal && isGoingDown(refusal)) throw unavailable(`${what}: ${refusal.message}`, error);
    if (refusal) throw refusal;
    const message = deadline.signal.aborted ? `no answer within ${deadlineMs} ms` : dockerMessage(error);
    throw unavailable(`${what}: ${message}`, error);
  } finally {
    clearTimeout(timer);
  }
}

export const unavailable = (message: string, cause: unknown) =>
  new AppError('engine_unavailable', `Docker does not answer (${message})`, { retryable: true, cause });

/**
 * A daemon that shuts down answers like this for its last second, when its containerd client and its store of networks
 * are closed and its API is not: measured by starting containers while 20.10 shut down. It is no answer about the
 * container.
 */
const shutdownMessages = [
  /grpc: the client connection is closing/,
  /store for object type \*libnetwork\.\w+: open : no such file/,
];

const isGoingDown = ({ status, message }: DockerRefusal) =>
  status >= 500 && shutdownMessages.some((pattern) => pattern.test(message));

/** A refusal of a call that only reads or removes is a failure of Docker itself (5xx): the same call may succeed later. */
export function asUnavailable(what: string, error: unknown): unknown {
  return error instanceof DockerRefusal ? unavailable(`${what}: ${error.message}`, error) : error;
}

export const hasStatus = (error: unknown, ...statuses: number[]) =>
  error instanceof DockerRefusal && statuses.includes(error.status);

/** What the client puts before Docker's own words. */
const clientPrefix = /^\(HTTP code \d{3}\) [a-z ]+ - /;

/** In Docker's own words. */
export const dockerMessage = (error: unknown) => errorMessage(error).trim().replace(clientPrefix, '');

/** The client wraps Docker's message in its own; the reply's body has it as it was. */
function toRefusal(error: unknown): DockerRefusal | null {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return null;
  const { statusCode, json } = error as { statusCode?: unknown; json?: { message?: unknown } | null };
  if (typeof statusCode !== 'number') return null;
  const message = typeof json?.message === 'string' ? json.message.trim() : dockerMessage(error);
  return new DockerRefusal(statusCode, message, error);
}
