/** What browsers have to keep to: the headers of helmet that an API and its page of documentation need. */

import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet, { type HelmetOptions } from 'helmet';

/** An answer of the API is no page: nothing in it may load, run or be framed. */
const options: HelmetOptions = {
  contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
  xFrameOptions: { action: 'deny' },
  referrerPolicy: { policy: 'no-referrer' },
  // Of the process, not of an answer: who puts TLS in front of it says so there.
  strictTransportSecurity: false,
  // For pages that open others, or are embedded; there are none.
  crossOriginEmbedderPolicy: false,
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xPoweredBy: false,
  xXssProtection: false,
};

/** The policy of a page: what it lists, and nothing else. @param allowed directive → sources */
export function contentPolicyOf(allowed: Readonly<Record<string, string[]>>): string {
  const directives = { defaultSrc: ["'none'"], frameAncestors: ["'none'"], baseUri: ["'none'"], ...allowed };
  const headers = headersOf({ contentSecurityPolicy: { useDefaults: false, directives } });
  return headers['content-security-policy'] ?? '';
}

/** The same for every answer, so helmet is asked once: asked at each call it costs a quarter of a read. */
export const securityHeaders: Readonly<Record<string, string>> = headersOf(options);

function headersOf(wanted: HelmetOptions): Record<string, string> {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  helmet(wanted)(request, response, () => {});
  return Object.fromEntries(Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]));
}

/** The page loads its own scripts and styles, and calls this server. */
export const docsContentPolicy = {
  'default-src': ["'self'"],
  'style-src': ["'self'", "'unsafe-inline'"],
  'img-src': ["'self'", 'data:'],
  'object-src': ["'none'"],
  'base-uri': ["'none'"],
  'frame-ancestors': ["'none'"],
};
