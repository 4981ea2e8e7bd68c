/** The lines of containers as text for clients: NDJSON, or an event stream. Pure, but for the pauses in which nothing is printed. */

import { setTimeout as pause } from 'node:timers/promises';
import { AppError, errorMessage } from '../../errors.ts';
import type { LogPiece } from '../../streams/log-piece.ts';
import { problemOf } from './problem.ts';

export type LogFormat = 'ndjson' | 'sse';

/** Proxies, and this server, take a silent connection for dead after 30–60 s. */
const keepAliveMs = 15_000;
const keepAlives: Readonly<Record<LogFormat, string>> = { ndjson: '\n', sse: ': alive\n\n' };

type Options = { format: LogFormat; timestamps: boolean; follow: boolean };

/** To the end of the pieces. An error that comes after the beginning is the last thing that is said. */
export async function* logsAsText(pieces: AsyncGenerator<LogPiece>, options: Options): AsyncGenerator<string> {
  const { format, follow } = options;
  // Sent at once, so that the client knows it is connected.
  if (follow) yield keepAlives[format];
  try {
    for await (const piece of withPauses(pieces)) {
      if (piece === null) yield keepAlives[format];
      else if ('lines' in piece) yield piece.lines.map((line) => toText(piece.container, line, options)).join('');
      else yield toProblem(format, { container: piece.container, ...piece.problem });
    }
    if (format === 'sse') yield 'event: end\ndata: {}\n\n';
  } catch (error) {
    if (error instanceof AppError && error.code === 'client_gone') return;
    const { code, detail } = problemOf(error);
    yield toProblem(format, { code, detail: error instanceof AppError ? errorMessage(error) : detail });
  } finally {
    await pieces.return(undefined);
  }
}

type Line = Extract<LogPiece, { lines: unknown }>['lines'][number];

function toText(container: string, { at, output, text }: Line, { format, timestamps }: Options): string {
  const line = JSON.stringify({ container, ...(timestamps ? { at } : {}), output, text });
  return format === 'sse' ? `event: line\ndata: ${line}\n\n` : `${line}\n`;
}

function toProblem(format: LogFormat, { container, ...problem }: { container?: string; code: string; detail: string }) {
  const line = JSON.stringify({ ...(container === undefined ? {} : { container }), problem });
  return format === 'sse' ? `event: problem\ndata: ${line}\n\n` : `${line}\n`;
}

/** null: nothing came for a while. */
async function* withPauses(pieces: AsyncGenerator<LogPiece>): AsyncGenerator<LogPiece | null> {
  let next = pieces.next();
  for (;;) {
    const timer = new AbortController();
    const quiet = pause(keepAliveMs, null, { signal: timer.signal }).catch(() => null);
    const result = await Promise.race([next, quiet]).finally(() => timer.abort());
    if (result === null) yield null;
    else if (result.done) return;
    else {
      yield result.value;
      next = pieces.next();
    }
  }
}
