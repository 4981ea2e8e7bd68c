/** A TCP proxy for tests of faults: connections cut, and connections that stay open and carry nothing. */

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

export type FaultProxy = {
  /** The same URL, through the proxy. */
  through(url: string): string;
  /** Resets every connection; new ones are served. Returns how many it cut. */
  cut(): number;
  /** Connections stay open, and new ones are accepted, but no byte passes, until `flow`. */
  stall(): void;
  flow(): void;
  close(): Promise<void>;
};

export async function openFaultProxy(target: { host: string; port: number } | { path: string }): Promise<FaultProxy> {
  const pairs = new Set<[Socket, Socket]>();
  let isStalled = false;

  const server = createServer((client) => {
    const upstream = connect(target);
    const pair: [Socket, Socket] = [client, upstream];
    pairs.add(pair);
    for (const [from, to] of [pair, [upstream, client]] as [Socket, Socket][]) {
      from.on('data', (bytes) => void to.write(bytes));
      from.on('error', () => {});
      from.on('close', () => {
        to.destroy();
        pairs.delete(pair);
      });
      if (isStalled) from.pause();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const each = (act: (socket: Socket) => void) => {
    for (const pair of pairs) pair.forEach(act);
  };

  return {
    through(url) {
      const through = new URL(url);
      through.hostname = '127.0.0.1';
      through.port = String(port);
      return through.href;
    },
    cut() {
      const count = pairs.size;
      for (const [client, upstream] of pairs) {
        client.resetAndDestroy();
        // A unix socket knows no reset: it closes with its client.
        if ('host' in target) upstream.resetAndDestroy();
      }
      return count;
    },
    stall() {
      isStalled = true;
      each((socket) => socket.pause());
    },
    flow() {
      isStalled = false;
      each((socket) => socket.resume());
    },
    async close() {
      each((socket) => socket.destroy());
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
