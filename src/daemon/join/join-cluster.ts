/** An agent's side of joining: one call to a manager, whose answer is all that the agent needs from then on. */

import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import { isLoopback } from '../../http/request/origin.ts';
import type { Membership } from '../../model/membership.ts';
import { type ClientTls, readPinnedTls } from '../../tls/client-tls.ts';
import { describeTlsError, isUntrusted } from '../../tls/tls-error.ts';
import { createTlsFetch } from '../../tls/tls-fetch.ts';
import { parseMembership } from './membership-file.ts';

export type JoinRequest = {
  /** Of a manager. */
  url: string;
  node: string;
  token: string;
  /** Path or fingerprint of its authority; null: one that is known without. */
  ca: string | null;
};

type Options = { signal: AbortSignal; onWaiting: (sentence: string) => void };

/** An append and four calls of the broker, each with its own deadline below. */
const answerDeadlineMs = 60_000;
const pauseMinMs = 500;
const pauseMaxMs = 10_000;

/**
 * Waits for a manager that is not there yet, as agents wait for their broker.
 * @throws AppError `config_invalid` · `join_refused` · the signal's reason
 */
export async function joinCluster(request: JoinRequest, { signal, onWaiting }: Options): Promise<Membership> {
  const url = parseJoinUrl(request.url);
  let reported: string | null = null;
  for (let pauseMs = pauseMinMs; ; pauseMs = Math.min(pauseMs * 2, pauseMaxMs)) {
    try {
      return await askOnce(url, request, signal);
    } catch (error) {
      if (!(error instanceof AppError && error.retryable) || signal.aborted) throw error;
      if (error.message !== reported) onWaiting(`waiting to join: ${error.message}`);
      reported = error.message;
    }
    await pause(pauseMs, undefined, { signal });
  }
}

/** The answer holds a password. @throws AppError `config_invalid` */
function parseJoinUrl(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback(url.hostname))) return url;
  throw new AppError('config_invalid', '--join must begin with https://, or with http:// for this machine alone');
}

async function askOnce(url: URL, { node, token, ca }: JoinRequest, signal: AbortSignal): Promise<Membership> {
  const { fetch, close } = await createTlsFetch(await readTls(url, ca, signal));
  try {
    const answer = await fetch(`${url.href.replace(/\/$/, '')}/join`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ node }),
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerDeadlineMs)]),
    });
    const text = await answer.text();
    if (!answer.ok) throw refusalOf(answer.status, text);
    const membership = parseMembership(text);
    if (membership?.node === node) return membership;
    throw new AppError('join_refused', `${url.host} answered what is no membership of ${node}`);
  } catch (error) {
    if (error instanceof AppError || signal.aborted) throw error;
    const hint = isUntrusted(error) ? ': give its ca.pem or its fingerprint as --ca' : '';
    const message = `no manager answers at ${url.origin}: ${describeTlsError(error)}${hint}`;
    throw new AppError('join_unreachable', message, { retryable: hint === '', cause: error });
  } finally {
    await close();
  }
}

const readTls = (url: URL, ca: string | null, signal: AbortSignal): Promise<ClientTls> => {
  const names = { ca: '--ca', cert: '--cert', key: '--key' };
  if (url.protocol !== 'https:') return Promise.resolve({});
  return readPinnedTls({ ca, cert: null, key: null }, names, { url, nowMs: systemClock.nowMs(), signal });
};

/** What a manager cannot do now it may do later; the token is then still valid unless it says otherwise. */
function refusalOf(status: number, text: string): AppError {
  const { code = '', detail = `it answered ${status}` } = parseProblem(text);
  const hint = code === 'unauthenticated' ? '; a token lets one node in, once: coctl token create --join' : '';
  return new AppError('join_refused', `the manager refuses: ${detail}${hint}`, { retryable: status === 503 });
}

function parseProblem(text: string): { code?: string; detail?: string } {
  try {
    return JSON.parse(text) as { code?: string; detail?: string };
  } catch {
    return {};
  }
}
