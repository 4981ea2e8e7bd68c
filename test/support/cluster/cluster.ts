/** Whole clusters for tests and measurements: in this process, or as the processes an operator would start. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { readConfig } from '../../../src/daemon/config.ts';
import { startLocalCluster } from '../../../src/daemon/local-cluster.ts';
import { silentLogger } from '../../../src/logger.ts';
import { removeContainersOf } from '../servers/docker.ts';
import { until } from '../wait.ts';

export type RunningCluster = {
  url: string;
  /** Stops it and takes its containers away. */
  purge(): Promise<void>;
};

export type ClusterOptions = {
  dataDir: string;
  engine: 'docker' | 'simulated';
  socketPath: string;
  workers: number;
};

/**
 * Manager and agents in this process, on any free port.
 * @param more options of the command line
 */
export async function startCluster(
  { dataDir, engine, socketPath, workers }: ClusterOptions,
  more: readonly string[] = [],
): Promise<RunningCluster> {
  const options = ['--data', dataDir, '--engine', engine, '--docker', socketPath, '--workers', String(workers)];
  const config = readConfig([...options, '--port', '0', ...more], {});
  const fail = (error: Error) => {
    throw error;
  };
  const cluster = await startLocalCluster(config, { logger: silentLogger, onProgress: () => {}, onFatal: fail });
  const { url, cluster: named } = cluster.manager;
  return {
    url,
    async purge() {
      await cluster.close();
      if (engine === 'docker') await removeContainersOf(named.id);
    },
  };
}

const main = fileURLToPath(new URL('../../../src/main.ts', import.meta.url));

export type Program = {
  child: ChildProcess;
  /** Everything it has printed, both streams. */
  output(): string;
  /** The part of a line after `prefix`, as soon as one is printed. */
  line(prefix: string, deadlineMs?: number): Promise<string>;
  /** Sends a signal and waits for the end. Returns the exit code, null when it was killed. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
};

/** `node src/main.ts …` as a person starts it, or another program of ours. */
export const startProgram = (
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
  program: string = main,
): Program => startCommand(process.execPath, [program, ...args], { env: { ...process.env, ...environment } });

export function startCommand(
  command: string,
  args: readonly string[],
  options: { env: NodeJS.ProcessEnv; cwd?: string },
): Program {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      printed += String(chunk);
    });
  }
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  return {
    child,
    output: () => printed,
    async line(prefix, deadlineMs = 30_000) {
      const find = () => {
        const found = printed.split('\n').find((line) => line.startsWith(prefix));
        if (found === undefined && hasEnded()) throw new Error(`it ended without saying "${prefix}":\n${printed}`);
        return found;
      };
      const line = await until(`a line "${prefix}" of:\n${printed}`, find, deadlineMs);
      return line.slice(prefix.length).trim();
    },
    async end(signal = 'SIGTERM') {
      if (hasEnded()) return child.exitCode;
      const exited = once(child, 'exit');
      child.kill(signal);
      await exited;
      return child.exitCode;
    },
  };
}
