/** The runners of this node, one for each container, and for how long one is remembered after its container's end. */

import { type ContainerRunner, createContainerRunner } from './container-runner.ts';
import type { RunnerDeps } from './runner-operations.ts';

export type Runners = {
  get(container: string): ContainerRunner | undefined;
  /** A new one when there is none. */
  ensure(container: string): ContainerRunner;
  all(): ReadonlyMap<string, ContainerRunner>;
  forget(container: string): void;
};

/**
 * Ended containers remembered past their removal, so that a repeated command or a wanted set from before their end finds
 * them. The log has an end within seconds, a busy node ends a few containers in them. The next wanted set forgets the
 * others.
 */
const endedMax = 1_000;

/** @param closing aborts when the agent closes */
export function createRunners(deps: RunnerDeps, closing: AbortSignal): Runners {
  const runners = new Map<string, ContainerRunner>();
  /** Oldest first. */
  const ended = new Set<string>();

  const forget = (container: string) => {
    ended.delete(container);
    runners.delete(container);
  };

  const begin = (container: string): ContainerRunner => {
    const onCleared = () => {
      ended.add(container);
      const [oldest] = ended;
      if (ended.size > endedMax && oldest !== undefined) forget(oldest);
    };
    const runner = createContainerRunner(deps, { container, closing, onCleared });
    runners.set(container, runner);
    return runner;
  };

  return {
    get: (container) => runners.get(container),
    ensure: (container) => runners.get(container) ?? begin(container),
    all: () => runners,
    forget,
  };
}
