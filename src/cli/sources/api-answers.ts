/** Reads what a manager answers: refusals, lines that go on, and an answer that becomes a WebSocket. */

import type { IncomingMessage } from 'node:http';
import { AppError } from '../../errors.ts';
import type { ClientTls } from '../../tls/client-tls.ts';

type Problem = { code?: string; detail?: string };

export async function refusalOf(
  answer: Response,
  { base, hasToken }: { base: string; hasToken: boolean },
): Promise<AppError> {
  const problem = (await answer.json().catch(() => ({}))) as Problem;
  if (problem.code === 'unauthenticated') {
    const what = hasToken ? 'does not know the token in CO_TOKEN' : 'requires a token: set it as CO_TOKEN';
    return new AppError(problem.code, `the manager at ${base} ${what}`, { details: { status: answer.status } });
  }
  return toRefusal(problem, { status: answer.status, text: answer.statusText });
}

function toRefusal({ code, detail }: Problem, { status, text }: { status: number; text: string }): AppError {
  const message = detail ?? `the manager answered ${status} ${text}`;
  return new AppError(code ?? 'request_refused', message, { details: { status } });
}

/** A person knows a service by its name, not by its place in the body of a request. */
export function nameServices(refusal: AppError, body: unknown): AppError {
  const { services } = (body ?? {}) as { services?: { serviceName?: string }[] };
  const [place, index] = /^services\[(\d+)\](?=\.)/.exec(refusal.message) ?? [];
  const name = services?.[Number(index)]?.serviceName;
  if (place === undefined || name === undefined) return refusal;
  const { code, message, details } = refusal;
  return new AppError(code, `services.${name}${message.slice(place.length)}`, { details });
}

/** Without those that are empty: they only keep the connection alive. */
export async function* linesOf({ body }: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let unfinished = '';
  for await (const chunk of body ?? []) {
    const lines = (unfinished + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n');
    unfinished = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield line;
  }
  if (unfinished !== '') yield unfinished;
}

/** Larger than any message of a manager. */
const payloadBytesMax = 1024 * 1024;
const handshakeDeadlineMs = 30_000;
const refusalCharactersMax = 64 * 1024;

/** The package is loaded where it is needed: most commands need none. @throws the refusal, or why there was no answer */
export async function openSocket(url: string, options: ClientTls & { headers: Record<string, string> }) {
  const { WebSocket } = await import('ws');
  const limits = { maxPayload: payloadBytesMax, handshakeTimeout: handshakeDeadlineMs, perMessageDeflate: false };
  const socket = new WebSocket(url, { ...options, ...limits });
  return new Promise<InstanceType<typeof WebSocket>>((resolve, reject) => {
    socket.once('open', () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      // Its first messages may be there already: they wait for a listener.
      socket.pause();
      resolve(socket);
    });
    socket.once('error', reject);
    socket.once('unexpected-response', (_request, answer) => {
      void readProblem(answer).then((problem) => {
        reject(toRefusal(problem, { status: answer.statusCode ?? 0, text: answer.statusMessage ?? '' }));
        socket.on('error', () => {});
        socket.terminate();
      });
    });
  });
}

async function readProblem(answer: IncomingMessage): Promise<Problem> {
  let text = '';
  answer.setEncoding('utf8');
  try {
    for await (const part of answer) {
      text += part;
      if (text.length > refusalCharactersMax) return {};
    }
    return JSON.parse(text) as Problem;
  } catch {
    return {};
  }
}
