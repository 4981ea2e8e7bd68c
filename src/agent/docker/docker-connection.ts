/** Connects to Docker: over a unix socket or TCP, with connections that are kept and answers that are known to break off. */

import { Agent } from 'node:http';
import { inspect as inspectForPeople } from 'node:util';
import Docker from 'dockerode';
import { failBrokenAnswers } from './docker-answers.ts';

export type DockerConnection = { docker: Docker; close(): void };

/** @param address path of a unix socket, or `tcp://host:port` */
export function connectToDocker(address: string): DockerConnection {
  const agent = createSocketPool();
  const stopWatchingAnswers = failBrokenAnswers(agent);
  return {
    docker: createClient(address, agent),
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
function createSocketPool(): Agent {
  return Object.assign(new Agent({ keepAlive: true }), { [inspectForPeople.custom]: () => 'the pool of connections' });
}

/** Every member is given: the client would fill the gaps from DOCKER_HOST and its kin. */
function createClient(address: string, agent: Agent): Docker {
  const none = {
    host: undefined,
    port: undefined,
    socketPath: undefined,
    ca: undefined,
    cert: undefined,
    key: undefined,
  };
  const common = { ...none, protocol: 'http', agent, timeout: undefined };
  if (address.startsWith('tcp://') || address.startsWith('http://')) {
    const { hostname, port } = new URL(address);
    return new Docker({ ...common, host: hostname, port: port || 2375 } as unknown as Docker.DockerOptions);
  }
  const socketPath = address.replace(/^unix:\/\//, '');
  return new Docker({ ...common, socketPath } as unknown as Docker.DockerOptions);
}
