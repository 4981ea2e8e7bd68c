/** Calls a manager's HTTP API: its address, our token, and what its refusals mean. */

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { WebSocket } from 'ws';
import { systemClock } from '../../clock.ts';
import { AppError, errorMessage } from '../../errors.ts';
import { describeSetting } from '../../process/arguments.ts';
import { type ClientTls, readPinnedTls } from '../../tls/client-tls.ts';
import { describeTlsError, isClosed, isUntrusted } from '../../tls/tls-error.ts';
import { createTlsFetch } from '../../tls/tls-fetch.ts';
import type { CliContext } from '../output/context.ts';
import { linesOf, nameServices, openSocket, refusalOf } from './api-answers.ts';
import { type ClusterContext, localName, readContexts } from './contexts.ts';

export type Api = {
  /** Where it is asked. */
  readonly base: string;
  /** @param path with its query, `/state?at=1500` @throws AppError `api_unreachable` · the code of the refusal */
  get<T>(path: string): Promise<T>;
  /** As `get`, with the version of what was read, for `If-Match`. */
  getTagged<T>(path: string): Promise<{ body: T; tag: string | null }>;
  /** As `get`, with another method. */
  call<T>(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<T>;
  /** An answer that lasts as long as it is read: its lines. @throws as `get` */
  lines(path: string, signal: AbortSignal): AsyncGenerator<string>;
  /** Becomes a WebSocket, which is paused. @throws as `get` */
  connect(path: string): Promise<WebSocket>;
};

export type ApiOptions = { url?: string; ca?: string; cert?: string; key?: string };

const urlDefault = 'http://127.0.0.1:5000';
/** A point in time long ago is replayed before it is answered. */
const answerDeadlineMs = 60_000;

export function addApiOptions(command: Command): Command {
  return command
    .option(
      '--url <url>',
      describeSetting('where a manager serves; CO_TOKEN holds the token', {
        fallback: `the current context, or ${urlDefault}`,
        env: 'CO_URL',
      }),
    )
    .option(
      '--ca <file>',
      describeSetting('https: the authority to trust, a file or its fingerprint sha256:…', { env: 'CO_CA' }),
    )
    .option('--cert <file>', describeSetting('https: a certificate to show', { env: 'CO_CERT' }))
    .option('--key <file>', describeSetting('and its key', { env: 'CO_KEY' }));
}

export function createApi(context: CliContext, options: ApiOptions = {}): Api {
  const { environment, signal } = context;
  const { name, isUsual, ...cluster } = clusterOf(options, environment);
  const url = readUrl(cluster.url);
  const base = url.href.replace(/\/$/, '');
  const token = environment.CO_TOKEN || readToken(cluster);
  const authorization: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
  const tls = tlsOf(url, { ...(cluster.ca === undefined ? {} : { ca: cluster.ca }), ...options }, context);
  const fetch = once(async () => (await createTlsFetch(await tls())).fetch);

  const toFailure = (error: unknown): unknown => {
    if (error instanceof AppError || signal.aborted) return error;
    const which = name === null ? '' : ` (the context ${name})`;
    const hint = hintOf(url, error) || (isUsual ? upHint : '');
    const message = `no manager answers at ${base}${which}: ${describeTlsError(error)}${hint}`;
    return new AppError('api_unreachable', message, { cause: error });
  };

  const ask = async <T>(
    method: string,
    path: string,
    body?: unknown,
    more: Readonly<Record<string, string>> = {},
  ): Promise<{ body: T; tag: string | null }> => {
    const headers: Record<string, string> = { accept: 'application/json', ...authorization, ...more };
    if (body !== undefined) headers['content-type'] = 'application/json';
    try {
      const answer = await (await fetch())(`${base}${path}`, {
        method,
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.any([signal, AbortSignal.timeout(answerDeadlineMs)]),
      });
      if (!answer.ok) throw nameServices(await refusalOf(answer, { base, hasToken: Boolean(token) }), body);
      return { body: (await answer.json()) as T, tag: answer.headers.get('etag') };
    } catch (error) {
      throw toFailure(error);
    }
  };
  const call: Api['call'] = async <T>(...args: Parameters<typeof ask>) => (await ask<T>(...args)).body;

  return {
    base,
    get: (path) => call('GET', path),
    getTagged: (path) => ask('GET', path),
    call,
    async *lines(path, leaving) {
      const headers = { accept: 'application/x-ndjson', ...authorization };
      try {
        const answer = await (await fetch())(`${base}${path}`, { headers, signal: AbortSignal.any([signal, leaving]) });
        if (!answer.ok) throw await refusalOf(answer, { base, hasToken: Boolean(token) });
        yield* linesOf(answer);
      } catch (error) {
        if (!leaving.aborted) throw toFailure(error);
      }
    },
    async connect(path) {
      try {
        return await openSocket(`${base.replace(/^http/, 'ws')}${path}`, { headers: authorization, ...(await tls()) });
      } catch (error) {
        throw toFailure(error);
      }
    },
  };
}

/** By the command line, the environment, the current context, or the default; `name`: of the context. `isUsual`: where `up` serves. */
function clusterOf(
  { url }: ApiOptions,
  environment: CliContext['environment'],
): ClusterContext & { name: string | null; isUsual: boolean } {
  const given = url ?? (environment.CO_URL || undefined);
  if (given !== undefined) return { url: given, name: null, isUsual: false };
  const { current, contexts } = readContexts(environment);
  if (current === null) return { url: urlDefault, name: null, isUsual: true };
  return { ...contexts[current]!, name: current, isUsual: current === localName };
}

/** @throws AppError `file_unreadable` naming the file of the context */
function readToken({ tokenFile }: ClusterContext): string | undefined {
  if (tokenFile === undefined) return undefined;
  try {
    return readFileSync(tokenFile, 'utf8').trim();
  } catch (error) {
    throw new AppError('file_unreadable', `the token of the context cannot be read: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

const upHint = '; ./bootstrap/up starts one, and --url, CO_URL or a context names another';

/** What to do, where that can be known. */
function hintOf({ protocol }: URL, error: unknown): string {
  if (protocol !== 'https:') return '';
  if (isUntrusted(error)) {
    return ': give its ca.pem, or the fingerprint sha256:… that the manager prints when it starts, as --ca or CO_CA';
  }
  return isClosed(error) ? ', as where it requires a certificate: give --cert and --key' : '';
}

/** The authorities and the certificate of the options; they are read once, for the first call. */
function tlsOf(url: URL, options: ApiOptions, { environment, signal }: CliContext): () => Promise<ClientTls> {
  const given = (name: 'ca' | 'cert' | 'key') => options[name] ?? (environment[`CO_${name.toUpperCase()}`] || null);
  const files = { ca: given('ca'), cert: given('cert'), key: given('key') };
  if (url.protocol !== 'https:') return async () => ({});
  const names = { ca: '--ca', cert: '--cert', key: '--key' };
  return once(() => readPinnedTls(files, names, { url, nowMs: systemClock.nowMs(), signal }));
}

function once<T>(open: () => Promise<T>): () => Promise<T> {
  let opening: Promise<T> | null = null;
  return () => {
    opening ??= open();
    return opening;
  };
}

/** A host with a port, and maybe a path. In clear only to this machine: a token goes with it. */
function withScheme(text: string): string {
  const [, host] = /^([a-zA-Z0-9.-]+|\[[0-9a-fA-F:]+\]):\d{1,5}(?:\/.*)?$/.exec(text) ?? [];
  if (host === undefined) return text;
  return `${/^(localhost|127(\.\d+){3}|\[::1\])$/.test(host) ? 'http' : 'https'}://${text}`;
}

/** With the path it has: a proxy may serve a manager below one. @throws AppError `usage_invalid` */
export function readUrl(given: string): URL {
  const text = withScheme(given);
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
