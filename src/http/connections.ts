/**
 * Bounds the connections of a server, of one address and of all. Where there are too many, the one that has been idle longest gives
 * way: silent connections can neither keep others out nor take those that have an answer under way. One with too many requests at
 * once is closed.
 */

import type { IncomingMessage, Server as NodeServer, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export type ConnectionLimits = { ofAll: number; ofAddress: number };

/** Requests of one connection that are answered at once: no client that we know sends the next before it has the answer. */
const answersMax = 8;

type Connection = { key: string; address: string; socket: Socket; answers: number };

/** @param server of HTTP or HTTPS; before it listens */
export function limitConnections(server: NodeServer, { ofAll, ofAddress }: ConnectionLimits): void {
  const connections = new Map<string, Connection>();
  const idle = new Map<string, Connection>();
  /** By address, those that have been idle longest first. */
  const addresses = new Map<string, { open: number; idle: Map<string, Connection> }>();

  const addressOf = (address: string) => {
    const found = addresses.get(address) ?? { open: 0, idle: new Map<string, Connection>() };
    addresses.set(address, found);
    return found;
  };

  const setIdle = (connection: Connection) => {
    idle.set(connection.key, connection);
    addressOf(connection.address).idle.set(connection.key, connection);
  };
  const setBusy = ({ key, address }: Connection) => {
    idle.delete(key);
    addressOf(address).idle.delete(key);
  };

  const remove = (connection: Connection) => {
    if (!connections.delete(connection.key)) return;
    setBusy(connection);
    const ofThis = addressOf(connection.address);
    ofThis.open -= 1;
    if (ofThis.open === 0) addresses.delete(connection.address);
  };

  /** @returns false: all of them have an answer under way */
  const makeRoom = (among: ReadonlyMap<string, Connection>): boolean => {
    const [longest] = among.values();
    if (!longest) return false;
    remove(longest);
    longest.socket.destroy();
    return true;
  };

  server.on('connection', (socket: Socket) => {
    const { remoteAddress: address = '' } = socket;
    const ofThis = addressOf(address);
    const hasRoom = (ofThis.open < ofAddress || makeRoom(ofThis.idle)) && (connections.size < ofAll || makeRoom(idle));
    if (!hasRoom) {
      if (ofThis.open === 0) addresses.delete(address);
      return void socket.destroy();
    }
    const connection = { key: keyOf(socket), address, socket, answers: 0 };
    connections.set(connection.key, connection);
    addressOf(address).open += 1;
    setIdle(connection);
    socket.once('close', () => remove(connection));
  });

  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const connection = connections.get(keyOf(socket));
    if (!connection) return;
    connection.answers += 1;
    if (connection.answers > answersMax) socket.destroy();
    setBusy(connection);
    response.once('close', () => {
      connection.answers -= 1;
      if (connection.answers === 0 && connections.has(connection.key)) setIdle(connection);
    });
  });
}

/** Under TLS a request has another socket than its connection, with the same ends. */
const keyOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;
