/** A server of TLS in front of one without: it ends TLS and passes the bytes on. */

import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { KeyPair } from '../../../src/tls/certificate.ts';

export type TlsProxy = {
  port: number;
  /** Handshakes that came to an end. */
  secured(): number;
  close(): Promise<void>;
};

export async function openTlsProxy(pair: KeyPair, target: { host: string; port: number }): Promise<TlsProxy> {
  const sockets = new Set<TLSSocket>();
  let secured = 0;
  const server = createServer({ ...pair }, (client) => {
    secured += 1;
    sockets.add(client);
    const upstream = connect(target);
    client.pipe(upstream).pipe(client);
    for (const [one, other] of [[client, upstream] as const, [upstream, client] as const]) {
      one.on('error', () => {});
      one.on('close', () => void other.destroy());
    }
    client.on('close', () => sockets.delete(client));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    secured: () => secured,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
