/**
 * Decides a sync: what the log wants × what the engine has × what the agent is doing about it → actions. Pure. Never starts anything the log has beyond `in queue`: it may have run already, and no container runs twice.
 *
 * ```
 * wanted as      the agent manages it        the engine runs it   the engine has it ended   the engine has it not
 * in queue       carry on, report again     adopt, report        end                       start
 * starting       carry on, report again     adopt, report        end                       end (killed)
 * running        carry on, report again     adopt                end                       end (killed)
 * stopping       stop                       stop                 stop                      stop
 * not wanted     remove                     remove               remove                    –
 * ```
 * What the agent started by itself in place of a wanted one is left to the log, which hears of it with the report of that
 * one; an agent that was restarted resumes both. In place of one that is stopping, or not wanted, it is removed.
 *
 * What ended while the agent managed it is reported again while it is desired, and settled once it is not: the log knows.
 */

import type { WantedContainer } from '../../bus/messages.ts';
import type { EngineContainer } from '../engine/engine.ts';

/** `waiting`: for a permit or its image, or being created. `ended`: reported or about to be, then removed by itself. */
export type RunPhase = 'waiting' | 'running' | 'stopping' | 'ended';

/** What the agent is doing about a container. `position`: of the last command it applied to the container. */
export type ManagedRun = { phase: RunPhase; position: number };

export type SyncAction =
  | { kind: 'start'; wanted: WantedContainer }
  | { kind: 'adopt'; wanted: WantedContainer; found: EngineContainer; isNewsToLog: boolean }
  | { kind: 'resume'; wanted: WantedContainer; found: EngineContainer | null; restarts: EngineContainer[] }
  | { kind: 'end'; wanted: WantedContainer; found: EngineContainer | null }
  | { kind: 'stop'; wanted: WantedContainer; found: EngineContainer | null }
  | { kind: 'repeat'; container: string }
  | { kind: 'settle'; container: string }
  | { kind: 'remove'; container: string; reason: string };

export type SyncInput = {
  /** Of the wanted set: what the agent applied after it stays as it is. */
  position: number;
  wanted: readonly WantedContainer[];
  found: readonly EngineContainer[];
  managed: ReadonlyMap<string, ManagedRun>;
  /** Of those the agent started by itself and manages: the container in whose place they are. */
  heldFor: ReadonlyMap<string, string>;
};

/** At most one action a container; removals come last. */
export function decideSync({ position, wanted, found, managed, heldFor }: SyncInput): SyncAction[] {
  const foundOf = new Map(found.map((item) => [item.container, item]));
  const wantedIds = new Set(wanted.map(({ container }) => container));
  const restartOf = new Map(
    found.flatMap((item) => (item.replaces === null || wantedIds.has(item.container) ? [] : [[item.replaces, item]])),
  );
  const isGoingOn = new Set(wanted.flatMap(({ container, state }) => (state === 'stopping' ? [] : container)));
  const kept = new Set([...heldFor].flatMap(([container, first]) => (isGoingOn.has(first) ? container : [])));
  const isNewer = (container: string) => (managed.get(container)?.position ?? 0) > position;
  const actions = wanted
    .filter(({ container }) => !isNewer(container))
    .flatMap((item) => {
      const { container } = item;
      const present = foundOf.get(container) ?? null;
      const isResumed = item.state !== 'stopping' && !managed.has(container) && present?.state !== 'running';
      const restarts = isResumed ? restartsOf(container, restartOf) : [];
      for (const { container } of restarts) kept.add(container);
      return decideWanted({ wanted: item, found: present, restarts }, managed.get(container));
    });
  const others = new Set([...foundOf.keys(), ...managed.keys()].filter((container) => !wantedIds.has(container)));
  const removals = [...others]
    .filter((container) => !isNewer(container) && !kept.has(container))
    .map((container): SyncAction => {
      const isEnded = managed.get(container)?.phase === 'ended';
      return isEnded ? { kind: 'settle', container } : { kind: 'remove', container, reason: notWanted };
    });
  return [...actions, ...removals];
}

const notWanted = 'the log does not want it on this node any more';

/** What an agent before this one started in its place, in order. */
function restartsOf(container: string, restartOf: Map<string, EngineContainer>): EngineContainer[] {
  const next = restartOf.get(container);
  // Labels are another program's to write: each leads on once.
  restartOf.delete(container);
  return next ? [next, ...restartsOf(next.container, restartOf)] : [];
}

type Wanted = { wanted: WantedContainer; found: EngineContainer | null; restarts: EngineContainer[] };

function decideWanted({ wanted, found, restarts }: Wanted, run: ManagedRun | undefined): SyncAction[] {
  const { container } = wanted;
  if (run?.phase === 'ended') return [{ kind: 'repeat', container }];
  if (wanted.state === 'stopping') return [{ kind: 'stop', wanted, found }];
  if (run) return [{ kind: 'repeat', container }];
  if (restarts.length > 0) return [{ kind: 'resume', wanted, found, restarts }];
  if (!found) return [{ kind: wanted.state === 'in queue' ? 'start' : 'end', wanted, found: null } as SyncAction];
  const isSame = found.specHash === wanted.specHash;
  if (isSame && found.state === 'running') {
    return [{ kind: 'adopt', wanted, found, isNewsToLog: wanted.state !== 'running' }];
  }
  // Created and never started: it has not run, so what is still in queue may go on from there.
  if (isSame && found.state === 'created' && wanted.state === 'in queue') return [{ kind: 'start', wanted }];
  return [{ kind: 'end', wanted, found }];
}
