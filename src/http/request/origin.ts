/** Where a call comes from, as a browser says it: which host name it was made to, and from which site. */

import type { IncomingHttpHeaders } from 'node:http';
import { AppError } from '../../errors.ts';

type CallHead = { headers: IncomingHttpHeaders; method: string };

const loopbackNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]', '::1']);

export const isLoopback = (host: string): boolean => loopbackNames.has(host) || /^127\.\d+\.\d+\.\d+$/.test(host);

/** A page of another name may resolve to this address (DNS rebinding). @throws AppError `host_not_allowed` */
export function refuseForeignHost({ headers }: CallHead, ownHost: string): void {
  const name = (headers.host ?? '').replace(/:\d+$/, '').toLowerCase();
  if (isLoopback(name) || name === ownHost) return;
  throw new AppError('host_not_allowed', 'without tokens only localhost and loopback addresses are served');
}

/** @throws AppError `cross_site`: a change that a page of another site makes */
export function refuseForeignSite({ headers, method }: CallHead): void {
  if (isRead(method) || !isForeign(headers)) return;
  throw new AppError('cross_site', 'changes are accepted from pages of this origin only');
}

/** Sent by pages of this origin; a form of another site cannot send it. */
const pageHeader = 'x-co-page';

/**
 * A browser sends a cookie with the calls of every page, so a change has to say that a page of ours did.
 * @throws AppError `cross_site`
 */
export function refuseOtherPages(call: CallHead): void {
  refuseForeignSite(call);
  if (isRead(call.method) || call.headers[pageHeader] !== undefined) return;
  throw new AppError('cross_site', `a change by the cookie of a session needs the header ${pageHeader}`);
}

const isRead = (method: string) => method === 'GET' || method === 'HEAD';

function isForeign({ origin, host, ...headers }: IncomingHttpHeaders): boolean {
  if (headers['sec-fetch-site'] === 'cross-site') return true;
  return origin !== undefined && origin.replace(/^https?:\/\//, '') !== host;
}
