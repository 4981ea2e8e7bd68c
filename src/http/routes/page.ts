/** Serves the page at / and the two files it loads. They are bundled beforehand (bootstrap/page/build-page.ts) and read once. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../errors.ts';
import { sendCompressed } from '../response/compressed.ts';
import { contentPolicyOf } from '../response/security-headers.ts';
import type { Server } from './route.ts';

/** These routes are no part of the API: they have no name in its document. */
export const isPageRoute = (url: string): boolean => url === '/' || url.startsWith('/page/');

const files = {
  '/': { name: 'page.html', type: 'text/html; charset=utf-8' },
  '/page/page.js': { name: 'page.js', type: 'text/javascript; charset=utf-8' },
  '/page/page.css': { name: 'page.css', type: 'text/css; charset=utf-8' },
} as const;

/** Bootstrap draws a few marks of its own as data. Scripts and styles are files of this server; what a script sets is no style of the page. */
const pagePolicy = contentPolicyOf({
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
  formAction: ["'self'"],
});

/** Of the package. */
const pageFolder = fileURLToPath(new URL('../../../dist/page', import.meta.url));

type PageFile = { bytes: Buffer; etag: string };

/** Without the bundle the page is missing, and all else is served. */
export function addPageRoutes(server: Server, folder = pageFolder): void {
  const read = new Map<string, Promise<PageFile>>();
  const fileOf = (name: string): Promise<PageFile> => {
    const known = read.get(name) ?? readPageFile(join(folder, name));
    read.set(name, known);
    // It may be built while we run.
    known.catch(() => read.delete(name));
    return known;
  };

  const send = async (request: FastifyRequest, reply: FastifyReply, url: keyof typeof files) => {
    const { name, type } = files[url];
    const { bytes, etag } = await fileOf(name);
    // Kept, and asked for each time: after an upgrade all three are of the new version.
    reply.header('cache-control', 'no-cache').header('etag', etag).header('content-security-policy', pagePolicy);
    if (request.headers['if-none-match'] === etag) return reply.code(304).send();
    return sendCompressed(request, reply.type(type), bytes);
  };

  // Of a reader, so that a browser without a session is sent to the login; the files say nothing about the cluster.
  server.get('/', { config: { scope: 'read', isRecorded: false } }, (request, reply) => send(request, reply, '/'));
  for (const url of ['/page/page.js', '/page/page.css'] as const) {
    server.get(url, { config: { scope: 'open', isRecorded: false } }, (request, reply) => send(request, reply, url));
  }
}

async function readPageFile(path: string): Promise<PageFile> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new AppError('page_not_built', 'the page is not built: npm run build:page', { cause });
  });
  return { bytes, etag: `"${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}"` };
}
