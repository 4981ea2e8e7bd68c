/** What browsers have to keep to: the headers of helmet that an API and its page of documentation need. */

import type { FastifyHelmetOptions } from '@fastify/helmet';

/** An answer of the API is no page: nothing in it may load, run or be framed. */
export const securityHeaders: FastifyHelmetOptions = {
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

/** The page loads its own scripts and styles, and calls this server. */
export const docsContentPolicy = {
  'default-src': ["'self'"],
  'style-src': ["'self'", "'unsafe-inline'"],
  'img-src': ["'self'", 'data:'],
  'object-src': ["'none'"],
  'base-uri': ["'none'"],
  'frame-ancestors': ["'none'"],
};
