/** Answers what Node.js cannot parse as a request: a problem document on the socket, which is closed then. */

import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { AppError } from '../../errors.ts';
import { problemContentType, problemOf } from './problem.ts';

/** Of any path: which methods a path has is known of requests only. */
const methods = 'GET, HEAD, POST, PATCH, DELETE';

const refusals: Readonly<Record<string, AppError>> = {
  HPE_INVALID_METHOD: new AppError('method_not_allowed', `the methods of this API are ${methods}`),
  HPE_HEADER_OVERFLOW: new AppError('headers_too_large', 'the headers of a request have at most 16 KiB'),
  ERR_HTTP_REQUEST_TIMEOUT: new AppError('request_timeout', 'the request did not arrive in time'),
};

/** Closed at once, what the client still sends could make it lose the answer. */
const lingerMs = 1_000;

const unreadable = new AppError('request_invalid', 'this is not a request of HTTP/1.1');

/** @param code of Node's parser, or of the socket */
export function answerUnreadable(code: string | undefined, socket: Socket): void {
  // A client that is gone gets no answer.
  if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const problem = problemOf(refusals[code ?? ''] ?? unreadable);
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? problem.title}`,
    `content-type: ${problemContentType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    ...(problem.status === 405 ? [`allow: ${methods}`] : []),
    ...['x-content-type-options: nosniff', 'cache-control: no-store', 'connection: close'],
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  // A client that does not close its end does not keep ours.
  setTimeout(() => socket.destroy(), lingerMs).unref();
}
