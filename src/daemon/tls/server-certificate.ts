/**
 * The certificate the manager serves with, and its replacement while it serves: files that changed, or one of its own
 * authority that comes to its end. What cannot be used is logged, and the certificate that is in use stays.
 */

import { setInterval as every } from 'node:timers/promises';
import { errorMessage } from '../../errors.ts';
import type { ServerCertificate, ServerTls } from '../../http/server-tls.ts';
import type { Logger } from '../../logger.ts';

export type CertificateSource = {
  /** Another value: `load` would bring another certificate. */
  version(): Promise<string>;
  /** @throws AppError `config_invalid` */
  load(): Promise<ServerCertificate>;
};

export type ServerCertificates = ServerTls & { close(): Promise<void> };

const checkEveryMsDefault = 5_000;

/** @throws AppError `config_invalid`: the first one cannot be used */
export async function openServerCertificate(
  source: CertificateSource,
  { logger, checkEveryMs = checkEveryMsDefault }: { logger: Logger; checkEveryMs?: number },
): Promise<ServerCertificates> {
  // Read before the files: of files that are written between the two, the next check finds out.
  let version = await source.version();
  let current = await source.load();
  let refused: string | null = null;
  let listener: (certificate: ServerCertificate) => void = () => {};
  const closing = new AbortController();

  const check = async () => {
    const found = await source.version();
    if (found === version) return;
    try {
      const next = await source.load();
      listener(next);
      [current, version, refused] = [next, found, null];
      logger.info({}, 'the server has another certificate');
    } catch (error) {
      // It is tried again at each check, and logged once.
      if (refused !== found) logger.error({ err: error }, `the server keeps its certificate: ${errorMessage(error)}`);
      refused = found;
    }
  };
  const run = async () => {
    for await (const _ of every(checkEveryMs, undefined, { ref: false, signal: closing.signal })) await check();
  };
  const running = run().catch((error: unknown) => {
    if (!closing.signal.aborted) throw error;
  });

  return {
    current: () => current,
    onChange(changed) {
      listener = changed;
    },
    async close() {
      closing.abort();
      await running;
    },
  };
}
