/** Reaches a Docker Engine by its address: a client, and whether one answers there. */

import Docker from 'dockerode';
import type { ClientTls } from '../../../src/tls/client-tls.ts';
import { describeTlsError } from '../../../src/tls/tls-error.ts';

/** An engine that does not answer within this is not alive. */
const pingDeadlineMs = 5_000;

/**
 * @param address a unix socket's path, with `unix://` or without, or `tcp://host:port`
 * @param tls null: without TLS
 */
export function connectDocker(address: string, tls: ClientTls | null = null): Docker {
  const nothing = { ca: undefined, cert: undefined, key: undefined, timeout: undefined, ...tls };
  const target = /^(tcp|http):\/\//.test(address)
    ? { host: new URL(address).hostname, port: new URL(address).port || (tls ? '2376' : '2375'), socketPath: undefined }
    : { socketPath: socketPathOf(address), host: undefined, port: undefined };
  // All members are given: the client fills gaps from the environment.
  return new Docker({ ...nothing, ...target, protocol: tls ? 'https' : 'http' } as unknown as Docker.DockerOptions);
}

export const isSocket = (address: string) => address.startsWith('/') || address.startsWith('unix://');
export const socketPathOf = (address: string) => address.replace(/^unix:\/\//, '');

/** The published types leave the option out. */
type AbortablePing = { ping(options: { abortSignal: AbortSignal }): Promise<unknown> };

/** null: it answers. Otherwise why not, in words. */
export async function whyNoAnswer(address: string, tls: ClientTls | null = null): Promise<string | null> {
  if (!isSocket(address) && !/^(tcp|http):\/\//.test(address)) {
    return 'only unix sockets and tcp://host:port can be used as its address';
  }
  try {
    const docker = connectDocker(address, tls) as unknown as AbortablePing;
    await docker.ping({ abortSignal: AbortSignal.timeout(pingDeadlineMs) });
    return null;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return 'there is no such socket';
    if (code === 'ECONNREFUSED') return 'nothing listens there';
    if (code === 'EACCES') return 'this user may not use it (is it in the group docker?)';
    return tls ? describeTlsError(error) : message;
  }
}
