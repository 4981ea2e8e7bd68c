/**
 * The engine where there is none: containers are entries in memory, nothing runs, and `describe()` says so. Behaves as
 * Docker where the agent depends on it; several handles on one machine see their own scope only.
 */

import type { Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import { digestOf } from '../../model/image.ts';
import type { EngineDescription } from '../../model/node.ts';
import type { Engine, EngineContainer, EngineHealth, EngineScope, ProbeResult } from '../engine/engine.ts';
import { boundTail } from '../engine/log-tail.ts';
import {
  createSimulatedState,
  type Entry,
  isSameScope,
  type SimulatedState,
  unhealthyImagePrefix,
} from './simulated-state.ts';
import { createSimulatedStreams } from './simulated-streams.ts';

export type SimulatedMachine = {
  engine(scope: EngineScope): Engine;
  /** Ends a container as if by itself or by a signal (137). */
  kill(container: string, exitCode: number, options?: { oomKilled?: boolean; printed?: string }): void;
  /** As if its program had written it. */
  print(container: string, text: string): void;
  /** What the engine's check of it finds from now on. */
  setHealth(container: string, health: EngineHealth): void;
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

/** Images of these names do not exist, as far as a simulation knows. */
export const missingImagePrefix = 'missing/';

const exitOnSigterm = 143;

export function createSimulatedMachine({ clock }: { clock: Clock }, options: SimulatedOptions = {}): SimulatedMachine {
  const { engineId = 'simulated', memoryBytes = 64 * 2 ** 30, cpuMillis = 64_000, latencyMs = 2.5 } = options;
  const machine = createSimulatedState();
  const description = {
    ...{ kind: 'simulated' as const, engineId, version: 'simulated: no container runs' },
    ...{ memoryBytes, cpuMillis },
  };
  return {
    engine: (scope) => createEngine({ machine, clock, latencyMs, description }, scope),
    kill(container, exitCode, { oomKilled = false, printed } = {}) {
      const entry = machine.entries.get(container);
      if (entry && printed !== undefined) entry.printed = printed;
      if (entry) machine.end(entry, exitCode, oomKilled);
    },
    print(container, text) {
      const entry = machine.entries.get(container);
      if (entry) machine.print(entry, text);
    },
    setHealth(container, health) {
      const entry = machine.entries.get(container);
      if (entry) machine.setHealth(entry, health);
    },
    vanish(container) {
      const entry = machine.entries.get(container);
      if (entry) machine.remove(entry);
    },
    setAway: machine.setAway,
    starts: (container) => machine.startCounts.get(container) ?? 0,
  };
}

type EngineParts = { machine: SimulatedState; clock: Clock; latencyMs: number; description: EngineDescription };

function createEngine({ machine, clock, latencyMs, description }: EngineParts, scope: EngineScope): Engine {
  const { answer, entries, listeners } = machine;
  const closing = new AbortController();
  const find = (container: string) => {
    const entry = entries.get(container);
    return entry && isSameScope(entry.scope, scope) ? entry : undefined;
  };
  return {
    ...createSimulatedStreams({ machine, clock, find }),
    ping: () => answer(),
    async describe() {
      await answer();
      return description;
    },
    async list() {
      await answer();
      const own = [...entries.values()].filter((entry) => isSameScope(entry.scope, scope)).map(toEngineContainer);
      return own.sort((a, b) => (a.container < b.container ? -1 : 1));
    },
    async inspect(container) {
      await answer();
      const entry = find(container);
      return entry ? toEngineContainer(entry) : null;
    },
    async findImage(image) {
      await answer();
      if (image.startsWith(missingImagePrefix)) return null;
      return { digest: digestOf(image), reason: 'the engine is simulated: there is no image' };
    },
    async pull(image) {
      await answer(latencyMs);
      if (!image.startsWith(missingImagePrefix)) return;
      throw new AppError('image_pull_failed', `pull access denied for ${image}, repository does not exist`);
    },
    async create(request) {
      await answer(latencyMs);
      const { container, specHash, spec } = request;
      if (spec.image.startsWith(missingImagePrefix))
        throw new AppError('image_missing', `No such image: ${spec.image}`);
      const taken = entries.get(container);
      if (!taken) return toEngineContainer(machine.add(scope, request));
      if (isSameScope(taken.scope, scope) && taken.specHash === specHash) return toEngineContainer(taken);
      throw new AppError('container_name_taken', 'the engine has another container under this name');
    },
    async start(container) {
      await answer(latencyMs);
      const entry = find(container);
      if (!entry) throw new AppError('container_start_failed', 'the engine has no such container');
      if (entry.state !== 'running') machine.start(entry, new Date(clock.nowMs()).toISOString());
      return toEngineContainer(entry);
    },
    async stop(container) {
      await answer(latencyMs);
      const entry = find(container);
      if (entry) machine.end(entry, exitOnSigterm);
    },
    async remove(container) {
      await answer();
      const entry = find(container);
      if (entry) machine.remove(entry);
    },
    environment: async (container) => [...((await answer().then(() => find(container)))?.request.env ?? [])],
    probe: async (container) => probeEntry(await answer().then(() => find(container))),
    async logTail(container, lines, mask) {
      await answer();
      const entry = find(container);
      return entry?.startedAt ? boundTail(mask(entry.printed), lines) : [];
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
}

function probeEntry(entry: Entry | undefined): ProbeResult {
  const isHealthy = entry?.state === 'running' && !entry.request.spec.image.startsWith(unhealthyImagePrefix);
  return { isHealthy, output: 'simulated: nothing was asked' };
}

function toEngineContainer({ scope: _scope, request: _request, printed: _printed, ...found }: Entry): EngineContainer {
  return { ...found, ports: [...found.ports] };
}
