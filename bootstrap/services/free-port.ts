/** Ports of the loopback interface: finds free ones, and sees whether a server listens. */

import { connect } from 'node:net';
import getPort, { portNumbers } from 'get-port';

/** Below the range of outgoing connections (32768 on Linux), which would take the port before its server does. */
const [portMin, portMax] = [20_000, 32_000];

/** Each search begins somewhere else, so that runs side by side do not find the same ports. */
export async function findFreePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const begin = portMin + Math.floor(Math.random() * (portMax - portMin));
    ports.push(await getPort({ port: portNumbers(begin, portMax), host: '127.0.0.1' }));
  }
  return ports;
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
