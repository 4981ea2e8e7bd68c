/** An HTTP proxy in front of a manager, for tests of what it is asked: it notes each path, and can end its event streams. */

import { once } from 'node:events';
import { createServer, request as httpRequest, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type CountingProxy = {
  url: string;
  /** Paths with their queries, in order. */
  asked: string[];
  /** Ends the event streams that are open; new ones are refused until `allowStreams`. */
  refuseStreams(): void;
  allowStreams(): void;
  close(): Promise<void>;
};

export async function openCountingProxy(target: string): Promise<CountingProxy> {
  const asked: string[] = [];
  const streams = new Set<ServerResponse>();
  let isRefusing = false;
  const server = createServer((incoming, answer) => {
    const { url = '', method, headers } = incoming;
    asked.push(url);
    const isStream = url.startsWith('/events');
    if (isStream && isRefusing) return answer.writeHead(503).end();
    if (isStream) streams.add(answer);
    const outgoing = httpRequest(new URL(url, target), { method, headers, agent: false }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    outgoing.on('error', () => answer.destroy());
    answer.on('close', () => {
      streams.delete(answer);
      outgoing.destroy();
    });
    incoming.pipe(outgoing);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    refuseStreams() {
      isRefusing = true;
      for (const stream of streams) stream.destroy();
    },
    allowStreams() {
      isRefusing = false;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
