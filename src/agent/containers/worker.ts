/**
 * Turns commands and wanted sets into what the runners of this node's containers do, and compares them with the engine.
 * Fencing is done before.
 */

import type { RemoveCommand, StartCommand, StopCommand, WantedCommand, WantedContainer } from '../../bus/messages.ts';
import type { Clock } from '../../clock.ts';
import { settledWithin } from '../../concurrency/deadline.ts';
import { nextTick } from '../../concurrency/yielder.ts';
import { registryHostOf } from '../../model/image.ts';
import type { ContainerSpec } from '../../model/service.ts';
import type { EngineContainer } from '../engine/engine.ts';
import type { Contact } from '../reports/contact.ts';
import type { ContainerRunner } from './container-runner.ts';
import type { Run } from './container-start.ts';
import { endRestart, resumeRestarts, settleRestarts, startRestart } from './restart-runs.ts';
import { createRestarts, type Restarts } from './restarts.ts';
import type { Cause } from './runner-machine.ts';
import type { RunnerDeps } from './runner-operations.ts';
import { createRunners, type Runners } from './runners.ts';
import { decideSync, type SyncAction } from './sync.ts';

export type Worker = {
  /** A command of the present session; one at or below the last applied to its container is dropped. */
  apply(command: StartCommand | StopCommand | RemoveCommand): void;
  /**
   * Commands have to wait until it resolves; hints need not.
   * @param found what the engine has now
   */
  sync(wanted: WantedCommand, found: readonly EngineContainer[]): Promise<void>;
  /** The engine hinted at it. */
  look(container: string): void;
  /** A container that should run and does not is looked at. An unknown one is left alone: a wanted set judges it. */
  compare(found: readonly EngineContainer[]): void;
  /** Of a container of this node; null: the node has none of that id. */
  specOf(container: string): ContainerSpec | null;
  /** How many run on the engine. */
  running(): number;
  /** Settles when what is under way is done. */
  idle(): Promise<void>;
};

export type WorkerOptions = {
  closing: AbortSignal;
  /** A node without one may be lost by now. */
  hasSession: () => boolean;
};

export type WorkerDeps = Omit<RunnerDeps, 'restarts' | 'mayStart'> & {
  contact: Contact;
};

/** Actions of a sync in one tick of the event loop: a few milliseconds, between which heartbeats are sent. */
const actionsPerTick = 500;
/** A container the log does not want may be hard to remove; those that wait for its ports then try without. */
const removalsDeadlineMs = 10_000;

export function createWorker(deps: WorkerDeps, { closing, hasSession }: WorkerOptions): Worker {
  const restarts = createRestarts(deps, { closing, start: (run) => startRestart(runners, run) });
  const mayStart = (run: Run) => hasSession() && restarts.mayStart(run);
  const runners = createRunners({ ...deps, restarts, mayStart }, closing);
  /** Hinted at while a sync had not come to them yet: what it believes of them may be outdated by then. */
  const hintedEarly = new Set<string>();
  let isSyncing = false;

  const inSlices = async (actions: readonly SyncAction[], perform: (action: SyncAction) => void) => {
    for (const [index, action] of actions.entries()) {
      if (index > 0 && index % actionsPerTick === 0) await nextTick();
      if (closing.aborted) return;
      perform(action);
    }
  };

  return {
    apply(command) {
      const { container, position } = command;
      const cause = { position, causationId: command.causationId || null };
      if (position <= (runners.get(container)?.managed().position ?? 0)) return;
      const runner = runners.ensure(container);
      if (command.kind !== 'start') restarts.abandon(container, (restarted) => endRestart(runners, restarted, command));
      if (command.kind === 'remove') return runner.send({ type: 'remove', cause, reason: unknownToLog });
      if (command.kind === 'stop')
        return runner.send({ type: 'stop', cause, timeoutSeconds: command.stopTimeoutSeconds });
      restarts.learn(command.service, command.restart);
      if (restarts.claim(container)) return runner.send({ type: 'repeat' });
      // Only the first command of a container may start it.
      if (runner.managed().position === 0) {
        runner.send({ type: 'start', run: runOf(command, command), cause, after: Promise.resolve() });
      }
    },
    async sync(wanted, found) {
      const { position, containers } = wanted;
      deps.contact.wantedSetCame(wanted.nodeTimeoutMs);
      settleRestarts(restarts, wanted, runners);
      const managed = new Map([...runners.all()].map(([container, runner]) => [container, runner.managed()]));
      const actions = decideSync({ position, wanted: containers, found, managed, heldFor: restarts.heldFor() });
      for (const action of actions) if (isRemoval(action)) restarts.forget(containerOf(action));
      for (const { container, digest } of containers) if (digest != null) deps.digests.answered(container, digest);
      const specs = new Map(wanted.specs.map(({ specHash, spec }) => [specHash, spec]));
      const { session, logins, causationId } = wanted;
      const set = { position, causationId: causationId || null, specs, session, logins, restarts, clock: deps.clock };
      isSyncing = true;
      try {
        const removals = actions.filter(isRemoval);
        await inSlices(removals, (action) => perform(runners, action, { ...set, removed: Promise.resolve() }));
        const goneFirst = removals.map((action) => runners.get(containerOf(action))?.idle());
        const removed = settledWithin(removalsDeadlineMs, Promise.all(goneFirst));
        const others = actions.filter((action) => !isRemoval(action));
        await inSlices(others, (action) => perform(runners, action, { ...set, removed }));
      } finally {
        isSyncing = false;
        for (const container of hintedEarly) runners.get(container)?.send({ type: 'look' });
        hintedEarly.clear();
      }
    },
    look(container) {
      const runner = runners.get(container);
      if (runner) runner.send({ type: 'look' });
      else if (isSyncing) hintedEarly.add(container);
    },
    compare(found) {
      const running = new Set(found.filter(({ state }) => state === 'running').map(({ container }) => container));
      for (const [container, runner] of runners.all()) {
        if (runner.managed().phase === 'running' && !running.has(container)) runner.send({ type: 'look' });
      }
    },
    specOf: (container) => runners.get(container)?.spec() ?? null,
    running: () => [...runners.all().values()].filter(hasProcess).length,
    async idle() {
      await Promise.all([...runners.all().values()].map((runner) => runner.idle()));
    },
  };
}

const unknownToLog = 'the log has nothing to do with it any more';

type Specs = ReadonlyMap<string, ContainerSpec>;

/** `removed`: settles when the ports of what the log does not want are free. */
type WantedSet = Cause & Logins & { specs: Specs; removed: Promise<unknown>; restarts: Restarts; clock: Clock };

function perform(runners: Runners, action: SyncAction, set: WantedSet) {
  if (!('wanted' in action)) {
    const runner = runners.ensure(action.container);
    if (action.kind === 'remove') return runner.send({ type: 'remove', cause: set, reason: action.reason });
    if (action.kind === 'repeat') return runner.send({ type: 'repeat' });
    runner.send({ type: 'settle' });
    return void runner.idle().then(() => runners.forget(action.container));
  }
  const { wanted } = action;
  const runner = runners.ensure(wanted.container);
  const cause = { position: set.position, causationId: wanted.causationId };
  const run = runOf({ ...wanted, spec: specOf(set.specs, wanted) }, set);
  switch (action.kind) {
    case 'start':
      return runner.send({ type: 'start', run, cause, after: set.removed });
    case 'adopt':
      return runner.send({ type: 'adopt', run, cause, found: action.found, isNewsToLog: action.isNewsToLog });
    case 'resume':
      return resumeRestarts(runners, action, { run, cause, ...set });
    case 'end':
      return runner.send({ type: 'end', run, cause, found: action.found, wasStarted: wanted.state !== 'starting' });
    case 'stop':
      return runner.send({ type: 'stop', cause, timeoutSeconds: run.spec.stopTimeoutSeconds });
  }
}

function specOf(specs: Specs, { container, specHash }: WantedContainer): ContainerSpec {
  const spec = specs.get(specHash);
  if (!spec) throw new Error(`the wanted set lacks spec ${specHash} of ${container}`);
  return spec;
}

type Logins = Pick<StartCommand, 'session'> & { logins?: StartCommand['logins'] | undefined };

function runOf(
  { container, service, slot, generation, specHash, spec, digest, failures }: Omit<Run, 'login'>,
  { session, logins = [] }: Logins,
): Run {
  const found = logins.find(({ host }) => host === registryHostOf(spec.image));
  const login = found ? { ...found, session } : null;
  return { container, service, slot, generation, specHash, spec, digest, login, failures };
}

const isRemoval = ({ kind }: SyncAction) => kind === 'remove' || kind === 'settle';

const containerOf = (action: SyncAction) => ('wanted' in action ? action.wanted.container : action.container);

const hasProcess = (runner: ContainerRunner) => ['running', 'stopping'].includes(runner.managed().phase);
