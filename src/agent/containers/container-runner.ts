/** Runs one container from its first command to its removal from the engine: the runner machine as an actor. */

import { createActor } from 'xstate';
import { createMutex } from '../../concurrency/mutex.ts';
import type { ContainerSpec } from '../../model/service.ts';
import { type RunnerEvent, runnerMachine } from './runner-machine.ts';
import { createOperations, type RunnerDeps, type RunnerOptions } from './runner-operations.ts';
import type { ManagedRun, RunPhase } from './sync.ts';

export type ContainerRunner = {
  managed(): Readonly<ManagedRun>;
  /** null: it was never to be started here. */
  spec(): ContainerSpec | null;
  send(event: RunnerEvent): void;
  /** Settles when what was asked so far is done. */
  idle(): Promise<void>;
};

export function createContainerRunner(deps: RunnerDeps, options: RunnerOptions): ContainerRunner {
  const exclusive = createMutex();
  const operations = createOperations(deps, options, {
    exclusive,
    onConfirmed: () => actor.send({ type: 'confirmed' }),
    // One that has ended meanwhile takes no notice.
    lookAfter: (ms) => void setTimeout(() => actor.send({ type: 'look' }), ms).unref(),
  });
  const actor = createActor(runnerMachine, { input: { operations } });
  actor.start();
  return {
    managed() {
      const { value, context } = actor.getSnapshot();
      return { phase: Object.keys(value)[0] as RunPhase, position: context.position };
    },
    spec: () => actor.getSnapshot().context.run?.spec ?? null,
    send: (event) => actor.send(event),
    idle: () => exclusive(async () => {}),
  };
}
