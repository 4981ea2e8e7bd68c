/** Calls HTTPS with authorities and a certificate of our own, which the built-in `fetch` does not take. */

import type { ClientTls } from './client-tls.ts';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export type TlsFetch = {
  fetch: Fetch;
  /** Lets go of its connections. */
  close(): Promise<void>;
};

/** The package is loaded where there is something to trust or to show: most calls need neither. */
export async function createTlsFetch(tls: ClientTls): Promise<TlsFetch> {
  if (tls.ca === undefined && tls.cert === undefined) return { fetch, close: async () => {} };
  const { Agent, fetch: fetchWith } = await import('undici');
  const dispatcher = new Agent({ connect: { ...tls } });
  return {
    fetch: (url, init) => fetchWith(url, { ...(init as object), dispatcher }) as unknown as Promise<Response>,
    close: () => dispatcher.destroy(),
  };
}
