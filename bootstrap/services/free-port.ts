/** Owns ports of the loopback interface: finding free ones, and seeing whether somebody listens. */

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** Below the range of outgoing connections (32768 on Linux), which would take the port before its server does. */
const [portMin, portMax] = [20_000, 32_000];
const tries = 100;

export async function findFreePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  for (let tried = 0; ports.size < count; tried += 1) {
    if (tried === tries) throw new Error(`no free port between ${portMin} and ${portMax} in ${tries} tries`);
    const port = portMin + Math.floor(Math.random() * (portMax - portMin));
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const answer = (isThere: boolean) => () => {
      socket.destroy();
      resolve(isThere);
    };
    socket.on('connect', answer(true)).on('error', answer(false));
  });
}
