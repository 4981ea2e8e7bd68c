/**
 * Owns the engine where there is none: containers are entries in memory, nothing runs. Says so in `describe()`. Keeps
 * Docker's ways where the agent depends on them; several handles on one machine see their own scope only.
 */

import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import type { Engine, EngineContainer, EngineHint, EngineScope, RunRequest } from '../engine/engine.ts';

export type SimulatedMachine = {
  engine(scope: EngineScope): Engine;
  /** Ends a container as if by itself or by a signal (137). */
  kill(container: string, exitCode: number, options?: { oomKilled?: boolean }): void;
  /** Takes a container away behind the agent's back. */
  vanish(container: string): void;
  /** While away every call fails with `engine_unavailable`. */
  setAway(isAway: boolean): void;
  /** How often a container was started, over all its life: never more than once. */
  starts(container: string): number;
};

export type SimulatedOptions = {
  engineId?: string;
  memoryBytes?: number;
  cpuMillis?: number;
  /** How long create and start take, each. Default 2.5. */
  latencyMs?: number;
};

/** Images of these names do not exist, as far as a simulation can tell. */
export const missingImagePrefix = 'missing/';

/** Where Linux hands out ports by itself. */
const firstFreePort = 32_768;
const exitOnSigterm = 143;

type Entry = EngineContainer & { scope: EngineScope; request: RunRequest };

export function createSimulatedMachine({ clock }: { clock: Clock }, options: SimulatedOptions = {}): SimulatedMachine {
  const { engineId = 'simulated', memoryBytes = 64 * 2 ** 30, cpuMillis = 64_000, latencyMs = 2.5 } = options;
  const entries = new Map<string, Entry>();
  const startCounts = new Map<string, number>();
  const listeners = new Set<{ scope: EngineScope; onHint: (hint: EngineHint) => void }>();
  let isAway = false;
  let created = 0;
  let nextPort = firstFreePort;

  const answer = async (afterMs = 0) => {
    if (afterMs > 0) await pause(afterMs);
    if (isAway) throw new AppError('engine_unavailable', 'the simulated engine is away', { retryable: true });
  };

  const hint = ({ scope, container }: Entry) => {
    if (isAway) return;
    for (const listener of listeners) {
      if (isSameScope(listener.scope, scope)) listener.onHint({ kind: 'container', container });
    }
  };

  const end = (entry: Entry, exitCode: number, oomKilled = false) => {
    if (entry.state !== 'running') return;
    Object.assign(entry, { state: 'exited', exitCode, oomKilled, ports: [] });
    hint(entry);
  };

  const publish = ({ spec }: RunRequest) =>
    spec.ports.map(({ container, host, protocol }) => {
      if (host !== null) return { container, host, protocol };
      nextPort += 1;
      return { container, host: nextPort - 1, protocol };
    });

  const engine = (scope: EngineScope): Engine => {
    const closing = new AbortController();
    const find = (container: string) => {
      const entry = entries.get(container);
      return entry && isSameScope(entry.scope, scope) ? entry : undefined;
    };
    return {
      ping: () => answer(),
      async describe() {
        await answer();
        return { kind: 'simulated', engineId, version: 'simulated: no container runs', memoryBytes, cpuMillis };
      },
      async list() {
        await answer();
        const own = [...entries.values()].filter((entry) => isSameScope(entry.scope, scope)).map(view);
        return own.sort((a, b) => (a.container < b.container ? -1 : 1));
      },
      async inspect(container) {
        await answer();
        const entry = find(container);
        return entry ? view(entry) : null;
      },
      async hasImage(image) {
        await answer();
        return !image.startsWith(missingImagePrefix);
      },
      async pull(image) {
        await answer(latencyMs);
        if (!image.startsWith(missingImagePrefix)) return;
        throw new AppError('image_pull_failed', `pull access denied for ${image}, repository does not exist`);
      },
      async create(request) {
        await answer(latencyMs);
        const { container, service, slot, generation, specHash, spec } = request;
        if (spec.image.startsWith(missingImagePrefix)) {
          throw new AppError('image_missing', `No such image: ${spec.image}`);
        }
        const taken = entries.get(container);
        if (taken && isSameScope(taken.scope, scope) && taken.specHash === specHash) return view(taken);
        if (taken) throw new AppError('container_name_taken', 'the engine has another container under this name');
        created += 1;
        const engineContainerId = `simulated-${created}`;
        const entry: Entry = {
          ...{ scope, request, container, service, slot, generation, specHash, engineContainerId },
          ...{ state: 'created', exitCode: null, oomKilled: false, startedAt: null, error: '', ports: [] },
        };
        entries.set(container, entry);
        return view(entry);
      },
      async start(container) {
        await answer(latencyMs);
        const entry = find(container);
        if (!entry) throw new AppError('container_start_failed', 'the engine has no such container');
        if (entry.state !== 'running') {
          startCounts.set(container, (startCounts.get(container) ?? 0) + 1);
          const startedAt = new Date(clock.nowMs()).toISOString();
          Object.assign(entry, { state: 'running', exitCode: null, startedAt, ports: publish(entry.request) });
        }
        return view(entry);
      },
      async stop(container) {
        await answer(latencyMs);
        const entry = find(container);
        if (entry) end(entry, exitOnSigterm);
      },
      async remove(container) {
        await answer();
        const entry = find(container);
        if (!entry) return;
        entries.delete(container);
        hint(entry);
      },
      async logTail(container, lines) {
        await answer();
        return find(container)?.startedAt ? ['simulated: no container runs'].slice(0, lines) : [];
      },
      watch(onHint, signal) {
        const listener = { scope, onHint };
        listeners.add(listener);
        const stop = () => listeners.delete(listener);
        for (const ended of [signal, closing.signal]) ended.addEventListener('abort', stop, { once: true });
        queueMicrotask(() => listeners.has(listener) && onHint({ kind: 'lost' }));
      },
      async close() {
        closing.abort();
      },
    };
  };

  return {
    engine,
    kill(container, exitCode, { oomKilled = false } = {}) {
      const entry = entries.get(container);
      if (entry) end(entry, exitCode, oomKilled);
    },
    vanish(container) {
      const entry = entries.get(container);
      entries.delete(container);
      if (entry) hint(entry);
    },
    setAway(away) {
      const isBack = isAway && !away;
      isAway = away;
      if (isBack) for (const { onHint } of listeners) onHint({ kind: 'lost' });
    },
    starts: (container) => startCounts.get(container) ?? 0,
  };
}

const isSameScope = (a: EngineScope, b: EngineScope) => a.clusterId === b.clusterId && a.node === b.node;

function view({ scope: _scope, request: _request, ...found }: Entry): EngineContainer {
  return { ...found, ports: [...found.ports] };
}
