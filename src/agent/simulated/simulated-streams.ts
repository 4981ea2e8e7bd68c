/** Streams of a simulated machine: lines that a test prints, and a command that repeats what it is given. */

import type { Clock } from '../../clock.ts';
import { createNotifier } from '../../concurrency/notifier.ts';
import { AppError } from '../../errors.ts';
import type { LogLine, LogOptions } from '../../model/stream.ts';
import type { Engine, EngineExec, LogsHow } from '../engine/engine.ts';
import type { Entry, SimulatedState } from './simulated-state.ts';

type Deps = { machine: SimulatedState; clock: Clock; find: (container: string) => Entry | undefined };

/** A follower looks again at least this often. */
const lookEveryMs = 1_000;

export function createSimulatedStreams(deps: Deps): Pick<Engine, 'logs' | 'exec' | 'stats'> {
  const { machine, clock, find } = deps;
  const running = async (container: string): Promise<Entry> => {
    await machine.answer();
    const entry = find(container);
    if (entry?.state === 'running') return entry;
    throw new AppError('container_not_running', `${container} does not run there`);
  };
  return {
    logs: (container, options, how) => readLogs(deps, container, { ...options, ...how }),
    async exec(container, { command, stdin }) {
      await running(container);
      return createExec(command, stdin);
    },
    async stats(container) {
      await running(container);
      const at = new Date(clock.nowMs()).toISOString();
      return { at, cpuMillis: 0, memoryBytes: 0, memoryLimitBytes: null };
    },
  };
}

async function* readLogs(
  { machine, clock, find }: Deps,
  container: string,
  { follow, tail, since, mask, signal }: LogOptions & LogsHow,
): AsyncGenerator<LogLine[]> {
  await machine.answer();
  const printed = () => find(container)?.printed ?? '';
  const linesFrom = (offset: number): LogLine[] => {
    const at = new Date(clock.nowMs()).toISOString();
    const texts = printed().slice(offset).replace(/\n$/, '').split('\n');
    return texts.filter((text) => text !== '').map((text) => ({ at, output: 'stdout', text: mask(text) }));
  };
  const notifier = createNotifier(signal);
  machine.printListeners.add(notifier.notify);
  try {
    let offset = printed().length;
    const first = since === null || Date.parse(since) <= clock.nowMs() ? linesFrom(0) : [];
    if (first.length > 0 && tail !== 0) yield tail === null ? first : first.slice(-tail);
    while (follow && !signal.aborted) {
      notifier.reset();
      const isOver = find(container)?.state !== 'running';
      const lines = linesFrom(offset);
      offset = printed().length;
      if (lines.length > 0) yield lines;
      else if (isOver) return;
      else await notifier.wait(lookEveryMs);
    }
  } finally {
    machine.printListeners.delete(notifier.notify);
    notifier.close();
  }
}

/** Repeats its input until that ends; without input it prints its own words. `false` ends with 1. */
function createExec(command: readonly string[], stdin: boolean): EngineExec {
  const closing = new AbortController();
  const notifier = createNotifier(closing.signal);
  const pieces: Buffer[] = stdin ? [] : [Buffer.from(`${command.join(' ')}\n`)];
  let isOver = !stdin;
  return {
    async *output() {
      for (;;) {
        notifier.reset();
        for (const bytes of pieces.splice(0)) yield { output: 'stdout', bytes };
        if (pieces.length > 0) continue;
        if (isOver || closing.signal.aborted) return;
        await notifier.wait(lookEveryMs);
      }
    },
    async write(bytes) {
      pieces.push(bytes);
      notifier.notify();
    },
    endInput() {
      isOver = true;
      notifier.notify();
    },
    async resize({ columns, rows }) {
      pieces.push(Buffer.from(`${columns}x${rows}\n`));
      notifier.notify();
    },
    exitCode: async () => (command[0] === 'false' ? 1 : 0),
    close: () => closing.abort(),
  };
}
