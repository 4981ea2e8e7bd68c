/** What runners do for restarts: begin one, end one, and take over those of an agent before this one. */

import type { RemoveCommand, StopCommand, WantedCommand } from '../../bus/messages.ts';
import type { Clock } from '../../clock.ts';
import type { Run } from './container-start.ts';
import type { Restarts } from './restarts.ts';
import type { Cause } from './runner-machine.ts';
import { runningReport } from './runner-operations.ts';
import type { Runners } from './runners.ts';
import type { SyncAction } from './sync.ts';

/** As of the last command of what it replaces: each later one counts for it. */
export function startRestart(runners: Runners, run: Run): void {
  const position = runners.get(run.replaces!)?.managed().position ?? 0;
  const cause = { position, causationId: null };
  runners.ensure(run.container).send({ type: 'start', run, cause, after: Promise.resolve() });
}

/** As the log wants of what it replaces. Settles when it is done. */
export function endRestart(runners: Runners, container: string, command: StopCommand | RemoveCommand): Promise<void> {
  const runner = runners.ensure(container);
  const cause = { position: command.position, causationId: command.causationId || null };
  if (command.kind === 'stop') runner.send({ type: 'stop', cause, timeoutSeconds: command.stopTimeoutSeconds });
  else runner.send({ type: 'remove', cause, reason: 'the log went on without what the agent restarted by itself' });
  return runner.idle();
}

/** By the rules of a wanted set. The log has taken some; and those in place of one that it has asked to stop end first. */
export function settleRestarts(restarts: Restarts, wanted: WantedCommand, runners: Runners): void {
  const { position, causationId, specs } = wanted;
  restarts.learnAll(wanted.restarts);
  const stopTimeouts = new Map(specs.map(({ specHash, spec }) => [specHash, spec.stopTimeoutSeconds]));
  for (const { container, specHash, state } of wanted.containers) {
    restarts.claim(container);
    if (state !== 'stopping') continue;
    const stopTimeoutSeconds = stopTimeouts.get(specHash) ?? 0;
    const stop = { ...wanted, kind: 'stop' as const, container, position, causationId, stopTimeoutSeconds };
    restarts.abandon(container, (restarted) => endRestart(runners, restarted, stop));
  }
  restarts.contact();
}

type Resumed = { run: Run; cause: Cause; restarts: Restarts; clock: Clock };

export function resumeRestarts(
  runners: Runners,
  { found, restarts: started }: Extract<SyncAction, { kind: 'resume' }>,
  { run, cause, restarts, clock }: Resumed,
): void {
  const runs = started.map(({ container, replaces }) => ({ ...run, container, replaces: replaces! }));
  const foundOf = new Map(started.map((item) => [item.container, item]));
  restarts.resume([run, ...runs], (restarted) => {
    const item = foundOf.get(restarted.container);
    return item && item.startedAt !== null ? runningReport(item, restarted, null, clock) : null;
  });
  runners.ensure(run.container).send({ type: 'end', run, cause, found, wasStarted: true });
  for (const restarted of runs) {
    const item = foundOf.get(restarted.container)!;
    const runner = runners.ensure(restarted.container);
    if (item.state === 'running') runner.send({ type: 'adopt', run: restarted, cause, found: item, isNewsToLog: true });
    else runner.send({ type: 'end', run: restarted, cause, found: item, wasStarted: true });
  }
}
