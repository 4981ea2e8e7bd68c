/**
 * The session of a browser: a cookie with its token, which no script of a page can read. There is nothing else to keep, so
 * every manager knows it, and it ends with the token.
 */

import type { IncomingHttpHeaders } from 'node:http';
import { parseCookie, type SetCookie, stringifySetCookie } from 'cookie';

/** A working day; the browser forgets it earlier when it is closed. */
const sessionSecondsMax = 12 * 60 * 60;

/** Under TLS the prefix makes a browser refuse what another host of the domain, or a plain connection, sets. */
const cookieName = (isSecure: boolean) => (isSecure ? '__Host-co_session' : 'co_session');

/** The token of the session; null without one. */
export function sessionOf({ cookie }: IncomingHttpHeaders): string | null {
  if (cookie === undefined) return null;
  const cookies = parseCookie(cookie);
  return cookies[cookieName(true)] ?? cookies[cookieName(false)] ?? null;
}

/** @returns the value of Set-Cookie */
export function openSession(token: string, { isSecure }: { isSecure: boolean }): string {
  return stringifySetCookie(toCookie(token, isSecure, sessionSecondsMax));
}

/** @returns the value of Set-Cookie */
export function endSession({ isSecure }: { isSecure: boolean }): string {
  return stringifySetCookie(toCookie('', isSecure, 0));
}

const toCookie = (value: string, isSecure: boolean, maxAge: number): SetCookie => ({
  name: cookieName(isSecure),
  value,
  maxAge,
  path: '/',
  httpOnly: true,
  sameSite: 'strict',
  secure: isSecure,
});
