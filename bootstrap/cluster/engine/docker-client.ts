/** Reaches a Docker Engine by its address: a client, and whether one answers there. */

import Docker from 'dockerode';

/** An engine that does not answer within this is not alive. */
const pingDeadlineMs = 5_000;

/** @param address a unix socket's path, with `unix://` or without, or `tcp://host:port` without TLS */
export function connectDocker(address: string): Docker {
  const nothing = { ca: undefined, cert: undefined, key: undefined, timeout: undefined };
  const target = /^(tcp|http):\/\//.test(address)
    ? { host: new URL(address).hostname, port: new URL(address).port || '2375', socketPath: undefined }
    : { socketPath: socketPathOf(address), host: undefined, port: undefined };
  // All members are given: the client fills gaps from the environment.
  return new Docker({ ...nothing, ...target, protocol: 'http' } as unknown as Docker.DockerOptions);
}

export const isSocket = (address: string) => address.startsWith('/') || address.startsWith('unix://');
export const socketPathOf = (address: string) => address.replace(/^unix:\/\//, '');

/** The published types leave the option out. */
type AbortablePing = { ping(options: { abortSignal: AbortSignal }): Promise<unknown> };

/** null: it answers. Otherwise why not, in words. */
export async function whyNoAnswer(address: string): Promise<string | null> {
  if (!isSocket(address) && !/^(tcp|http):\/\//.test(address)) {
    return 'only unix sockets and tcp://host:port can be used as its address';
  }
  try {
    const docker = connectDocker(address) as unknown as AbortablePing;
    await docker.ping({ abortSignal: AbortSignal.timeout(pingDeadlineMs) });
    return null;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return 'there is no such socket';
    if (code === 'ECONNREFUSED') return 'nothing listens there';
    if (code === 'EACCES') return 'this user may not use it (is it in the group docker?)';
    return message;
  }
}
