/** What tests know about a server: its address, what it really is, and how to end it. */
import { errorMessage } from '../../src/errors.ts';

export type Service = {
  /** For people: which server was found, and how. */
  description: string;
  /** The variables by which tests find it. */
  environment: Record<string, string>;
  /** Ends what was started, by pid, and deletes its data; touches nothing that was there before. */
  close(): Promise<void>;
};

export type ServiceOptions = {
  /** An empty folder for data; deleted with the service. Its path is short: sockets live in it. */
  dataDir: string;
  /** Logs stay here when the service is gone. */
  logDir: string;
  print: (line: string) => void;
  signal: AbortSignal;
};

/** A way to get a server. @throws Error with the reason, in words, when it leads nowhere */
export type Way = { name: string; open: () => Promise<Service> };

/** The first way that leads to a server. @throws Error that names every way and why it led nowhere */
export async function openFirst(ways: readonly Way[], signal: AbortSignal): Promise<Service> {
  const reasons: string[] = [];
  for (const { name, open } of ways) {
    signal.throwIfAborted();
    try {
      return await open();
    } catch (error) {
      reasons.push(`${name}: ${errorMessage(error)}`);
    }
  }
  throw new Error(reasons.join('; '));
}
