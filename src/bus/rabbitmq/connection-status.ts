/** Derives whether the bus is connected, notifies the listeners when it becomes so, and logs each problem once. */

import { errorMessage } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { BusEnd } from '../bus.ts';

export type ConnectionStatus = Pick<BusEnd, 'status' | 'onConnected'> & {
  isConnected(): boolean;
  /** Resolves when the bus is connected and its listeners have been called. */
  connected(): Promise<void>;
  /** To be called after everything that can change what `isUp` returns. */
  update(): void;
  /** Shows in `status` until the bus is connected. */
  addProblem(part: string, error: unknown): void;
  lastProblem(): string | null;
  /** Notifies the listeners again: something was lost while connected, and is restored. */
  announce(): void;
  close(): void;
};

type ConnectionStatusOptions = {
  description: string;
  /** Are the connection and all its essential channels there? */
  isUp(): boolean;
  logger: Logger;
};

export function createConnectionStatus({ description, isUp, logger }: ConnectionStatusOptions): ConnectionStatus {
  const listeners = new Set<() => void>();
  /** The last message of each part since the bus was connected. */
  const logged = new Map<string, string>();
  let problem: string | null = 'not connected yet';
  let isConnected = false;
  let connected = Promise.withResolvers<void>();
  let isClosed = false;

  const announce = () => {
    if (isConnected) for (const listener of listeners) listener();
  };

  return {
    status() {
      if (isClosed) return { state: 'closed', description, trouble: null };
      return isConnected
        ? { state: 'connected', description, trouble: null }
        : { state: 'connecting', description, trouble: problem };
    },
    onConnected(listener) {
      listeners.add(listener);
      if (isConnected) listener();
      return () => listeners.delete(listener);
    },
    isConnected: () => isConnected,
    connected: () => connected.promise,
    update() {
      const isNow = !isClosed && isUp();
      if (isNow === isConnected) return;
      isConnected = isNow;
      if (!isNow) {
        connected = Promise.withResolvers();
        return;
      }
      problem = null;
      logged.clear();
      logger.info({ broker: description }, 'bus connected');
      announce();
      connected.resolve();
    },
    addProblem(part, error) {
      const message = errorMessage(error);
      problem = `${part}: ${message}`;
      if (isClosed || logged.get(part) === message) return;
      logged.set(part, message);
      logger.warn({ broker: description, part, problem: message }, 'bus problem');
    },
    lastProblem: () => problem,
    announce,
    close() {
      isClosed = true;
      isConnected = false;
      listeners.clear();
    },
  };
}
