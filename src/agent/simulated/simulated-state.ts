/** What a simulated machine has: containers as entries in memory, who listens for their changes, and whether it answers. */

import { setTimeout as pause } from 'node:timers/promises';
import { AppError } from '../../errors.ts';
import { digestOf } from '../../model/image.ts';
import type { EngineContainer, EngineHealth, EngineHint, EngineScope, RunRequest } from '../engine/engine.ts';

/** `printed`: what the program would have written. */
export type Entry = EngineContainer & { scope: EngineScope; request: RunRequest; printed: string };

export type Listener = { scope: EngineScope; onHint: (hint: EngineHint) => void };

export type SimulatedState = {
  entries: Map<string, Entry>;
  /** How often each container was started. */
  startCounts: Map<string, number>;
  listeners: Set<Listener>;
  /** Called when a container printed, or ended. */
  printListeners: Set<() => void>;
  /** What its program writes, lines with their ends. */
  print(entry: Entry, text: string): void;
  /** @throws AppError `engine_unavailable` while the machine is away */
  answer(afterMs?: number): Promise<void>;
  setAway(isAway: boolean): void;
  /** Created and not started. */
  add(scope: EngineScope, request: RunRequest): Entry;
  start(entry: Entry, startedAt: string): void;
  /** Does nothing unless it runs. */
  end(entry: Entry, exitCode: number, oomKilled?: boolean): void;
  /** What its check finds from now on; does nothing unless it runs. */
  setHealth(entry: Entry, health: EngineHealth): void;
  remove(entry: Entry): void;
};

/** Checks of containers of these images fail, as far as a simulation knows; those of others succeed at once. */
export const unhealthyImagePrefix = 'unhealthy/';

/** null: the engine makes no check. */
function healthOf({ spec: { image, health } }: RunRequest): EngineHealth | null {
  if (health?.kind !== 'command') return null;
  return { status: image.startsWith(unhealthyImagePrefix) ? 'unhealthy' : 'healthy', output: simulatedOutput };
}

const simulatedOutput = 'simulated: no container runs';

/** Where Linux hands out ports by itself. */
const firstFreePort = 32_768;

export function createSimulatedState(): SimulatedState {
  const entries = new Map<string, Entry>();
  const startCounts = new Map<string, number>();
  const listeners = new Set<Listener>();
  const printListeners = new Set<() => void>();
  let isAway = false;
  let created = 0;
  let nextPort = firstFreePort;

  const hint = ({ scope, container }: Entry) => {
    if (isAway) return;
    for (const listener of printListeners) listener();
    for (const listener of listeners) {
      if (isSameScope(listener.scope, scope)) listener.onHint({ kind: 'container', container });
    }
  };

  const publish = ({ spec }: RunRequest) =>
    spec.ports.map(({ container, host, protocol }) => {
      if (host !== null) return { container, host, protocol };
      nextPort += 1;
      return { container, host: nextPort - 1, protocol };
    });

  return {
    ...{ entries, startCounts, listeners, printListeners },
    print(entry, text) {
      const isLineOpen = entry.printed !== '' && !entry.printed.endsWith('\n');
      entry.printed += isLineOpen ? `\n${text}` : text;
      for (const listener of printListeners) listener();
    },
    async answer(afterMs = 0) {
      if (afterMs > 0) await pause(afterMs);
      if (isAway) throw new AppError('engine_unavailable', 'the simulated engine is away', { retryable: true });
    },
    setAway(away) {
      const isBack = isAway && !away;
      isAway = away;
      if (isBack) for (const { onHint } of listeners) onHint({ kind: 'lost' });
    },
    add(scope, request) {
      const { container, service, slot, generation, specHash, replaces = null } = request;
      created += 1;
      const entry: Entry = {
        ...{ scope, request, container, service, slot, generation, specHash, replaces, printed: simulatedOutput },
        ...{ engineContainerId: `simulated-${created}`, state: 'created' },
        ...{ exitCode: null, oomKilled: false, startedAt: null, error: '', ports: [], isPaused: false, health: null },
        imageDigest: digestOf(request.image),
      };
      entries.set(container, entry);
      return entry;
    },
    start(entry, startedAt) {
      startCounts.set(entry.container, (startCounts.get(entry.container) ?? 0) + 1);
      const health = healthOf(entry.request);
      Object.assign(entry, { state: 'running', exitCode: null, startedAt, ports: publish(entry.request), health });
      if (health) hint(entry);
    },
    end(entry, exitCode, oomKilled = false) {
      if (entry.state !== 'running') return;
      Object.assign(entry, { state: 'exited', exitCode, oomKilled, ports: [], health: null });
      hint(entry);
    },
    setHealth(entry, health) {
      if (entry.state !== 'running') return;
      entry.health = health;
      hint(entry);
    },
    remove(entry) {
      entries.delete(entry.container);
      hint(entry);
    },
  };
}

export const isSameScope = (a: EngineScope, b: EngineScope) => a.clusterId === b.clusterId && a.node === b.node;
