/**
 * One of our programs as a child process: hands on its lines under its name, starts it again when it dies, and
 * ends it. A child ends by itself when this process is gone, whatever took it.
 */

import { fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Announcement } from '../../src/daemon/roles.ts';
import { AppError } from '../../src/errors.ts';
import { exitCodes, stopDeadlineMs } from '../../src/process/lifecycle.ts';

export type Child = {
  stop(): Promise<void>;
  /** Ends it with no warning, and starts it no more. */
  kill(): Promise<void>;
};

export type ChildOptions = {
  name: string;
  command: 'manager' | 'agent';
  /** Read at each start. */
  environment: () => NodeJS.ProcessEnv;
  print: (line: string) => void;
  /** A line of its log, as JSON. */
  log: (line: string) => void;
  onAnnouncement: (announcement: Announcement) => void;
  /** It ended before it had announced anything, or was started with wrong arguments: starting it again is no use. */
  onFailure: (error: AppError) => void;
};

const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
/** Before our own deadline is over. */
const killAfterMs = stopDeadlineMs - 500;
const restartFirstMs = 1_000;
const restartMaxMs = 10_000;

export function startChild(options: ChildOptions): Child {
  const { name, command, environment, print, log, onAnnouncement, onFailure } = options;
  let isStopping = false;
  let hasAnnounced = false;
  let restarts = 0;
  let restart: NodeJS.Timeout | undefined;
  let child = begin();

  function begin() {
    // In a process group of its own: Ctrl-C reaches this process only, which then stops its children once.
    const started = fork(program, [command], {
      env: environment(),
      execPath: process.execPath,
      execArgv: [],
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const prefix = `${name.padEnd(9)} | `;
    createInterface({ input: started.stdout! }).on('line', (line) => print(prefix + line));
    // Its log, and the last words of one that fails.
    createInterface({ input: started.stderr! }).on('line', (line) => {
      if (line.startsWith('{')) log(line);
      else process.stderr.write(`${prefix}${line}\n`);
    });
    started.on('message', (message) => {
      hasAnnounced = true;
      restarts = 0;
      onAnnouncement(message as Announcement);
    });
    started.on('exit', onExit);
    return started;
  }

  function onExit(code: number | null, signal: string | null) {
    if (isStopping) return;
    const how = code === null ? `was ended by ${signal}` : `ended with code ${code}`;
    if (!hasAnnounced || code === exitCodes.misconfigured) {
      const kind = code === exitCodes.misconfigured ? 'config_invalid' : 'process_failed';
      return onFailure(new AppError(kind, `${name} ${how}, see above`));
    }
    const pauseMs = Math.min(restartMaxMs, restartFirstMs * 2 ** restarts);
    restarts += 1;
    print(`${name} ${how}; it is started again in ${pauseMs / 1000} s`);
    restart = setTimeout(() => {
      child = begin();
    }, pauseMs);
  }

  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    isStopping = true;
    clearTimeout(restart);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    const kill = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
    await gone;
    clearTimeout(kill);
  };

  return { stop: () => end('SIGTERM'), kill: () => end('SIGKILL') };
}
