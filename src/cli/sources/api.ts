/** Calls a manager's HTTP API: its address, our token, and what its refusals mean. */

import type { Command } from 'commander';
import { AppError, errorMessage } from '../../errors.ts';
import type { CliContext } from '../output/context.ts';

export type Api = {
  /** Where it is asked. */
  readonly base: string;
  /** @param path with its query, `/state?at=1500` @throws AppError `api_unreachable` · the code of the refusal */
  get<T>(path: string): Promise<T>;
  /** As `get`, with another method. */
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
};

export type ApiOptions = { url?: string };

const urlDefault = 'http://127.0.0.1:5000';
/** A point in time long ago is replayed before it is answered. */
const answerDeadlineMs = 60_000;

export function addApiOptions(command: Command): Command {
  return command.option(
    '--url <url>',
    `where a manager serves; CO_URL, default ${urlDefault}. CO_TOKEN holds the token`,
  );
}

export function createApi({ environment, signal }: CliContext, options: ApiOptions = {}): Api {
  const url = readUrl(options.url ?? (environment.CO_URL || urlDefault));
  const base = url.href.replace(/\/$/, '');
  const token = environment.CO_TOKEN;

  const call = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (token) headers.authorization = `Bearer ${token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    try {
      const answer = await fetch(`${base}${path}`, {
        method,
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.any([signal, AbortSignal.timeout(answerDeadlineMs)]),
      });
      if (!answer.ok) throw await refusalOf(answer);
      return (await answer.json()) as T;
    } catch (error) {
      if (error instanceof AppError || signal.aborted) throw error;
      throw new AppError('api_unreachable', `no manager answers at ${base}: ${whyOf(error)}`, { cause: error });
    }
  };

  return { base, get: (path) => call('GET', path), call };
}

/** With the path it has: a proxy may serve a manager below one. @throws AppError `usage_invalid` */
function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  // Whatever has an @ may hold a password: it is not shown.
  if (text.includes('@')) {
    throw new AppError('usage_invalid', `the manager's URL takes no user and no password: CO_TOKEN holds the token`);
  }
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new AppError('usage_invalid', `${JSON.stringify(text)} is no URL such as ${urlDefault}`);
  }
  [url.search, url.hash] = ['', ''];
  return url;
}

async function refusalOf(answer: Response): Promise<AppError> {
  const problem = (await answer.json().catch(() => ({}))) as { code?: string; detail?: string };
  const message = problem.detail ?? `the manager answered ${answer.status} ${answer.statusText}`;
  return new AppError(problem.code ?? 'request_refused', message, { details: { status: answer.status } });
}

/** fetch hides what happened one level down. */
function whyOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? errorMessage(error);
}
