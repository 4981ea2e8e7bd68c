/** Connects to Docker: over a unix socket or TCP, with connections that are kept and answers that are known to break off. */

import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { inspect as inspectForPeople } from 'node:util';
import Docker from 'dockerode';
import type { ClientTls } from '../../tls/client-tls.ts';
import { failBrokenAnswers } from './docker-answers.ts';

export type DockerConnection = { docker: Docker; close(): void };

/**
 * @param address path of a unix socket, or `tcp://host:port`
 * @param tls null: without TLS, which a unix socket does not need
 */
export function connectToDocker(address: string, tls: ClientTls | null): DockerConnection {
  const agent = createSocketPool(tls);
  const stopWatchingAnswers = failBrokenAnswers(agent);
  return {
    docker: createClient(address, agent, tls),
    close() {
      stopWatchingAnswers();
      agent.destroy();
    },
  };
}

/**
 * Connections are kept: a new one for each call costs more than the call. The client formats each whole request for its
 * debug log, also when that is off; with every socket of the pool in the text, that took longer than everything else in
 * this process.
 */
function createSocketPool(tls: ClientTls | null): Agent {
  const agent = tls ? new TlsAgent({ keepAlive: true, minVersion: 'TLSv1.2', ...tls }) : new Agent({ keepAlive: true });
  return Object.assign(agent, { [inspectForPeople.custom]: () => 'the pool of connections' });
}

/** Every member is given: the client would fill the gaps from DOCKER_HOST and its kin. */
function createClient(address: string, agent: Agent, tls: ClientTls | null): Docker {
  const none = {
    host: undefined,
    port: undefined,
    socketPath: undefined,
    ca: undefined,
    cert: undefined,
    key: undefined,
  };
  const common = { ...none, protocol: tls ? 'https' : 'http', agent, timeout: undefined };
  if (address.startsWith('tcp://') || address.startsWith('http://')) {
    const { hostname, port } = new URL(address);
    return new Docker({
      ...common,
      host: hostname,
      port: port || (tls ? 2376 : 2375),
    } as unknown as Docker.DockerOptions);
  }
  const socketPath = address.replace(/^unix:\/\//, '');
  return new Docker({ ...common, socketPath } as unknown as Docker.DockerOptions);
}
