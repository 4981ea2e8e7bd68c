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
};

/** At most one action a container; removals come last. */
export function decideSync({ position, wanted, found, managed }: SyncInput): SyncAction[] {
  const foundOf = new Map(found.map((item) => [item.container, item]));
  const wantedIds = new Set(wanted.map(({ container }) => container));
  const isNewer = (container: string) => (managed.get(container)?.position ?? 0) > position;
  const actions = wanted
    .filter(({ container }) => !isNewer(container))
    .flatMap((item) => decideWanted(item, foundOf.get(item.container) ?? null, managed.get(item.container)));
  const others = new Set([...foundOf.keys(), ...managed.keys()].filter((container) => !wantedIds.has(container)));
  const removals = [...others]
    .filter((container) => !isNewer(container))
    .map((container): SyncAction => {
      const isEnded = managed.get(container)?.phase === 'ended';
      return isEnded ? { kind: 'settle', container } : { kind: 'remove', container, reason: notWanted };
    });
  return [...actions, ...removals];
}

const notWanted = 'the log does not want it on this node any more';

function decideWanted(
  wanted: WantedContainer,
  found: EngineContainer | null,
  run: ManagedRun | undefined,
): SyncAction[] {
  const { container } = wanted;
  if (run?.phase === 'ended') return [{ kind: 'repeat', container }];
  if (wanted.state === 'stopping') return [{ kind: 'stop', wanted, found }];
  if (run) return [{ kind: 'repeat', container }];
  if (!found) return [{ kind: wanted.state === 'in queue' ? 'start' : 'end', wanted, found: null } as SyncAction];
  const isSame = found.specHash === wanted.specHash;
  if (isSame && found.state === 'running') {
    return [{ kind: 'adopt', wanted, found, isNewsToLog: wanted.state !== 'running' }];
  }
  // Created and never started: it has not run, so what is still in queue may go on from there.
  if (isSame && found.state === 'created' && wanted.state === 'in queue') return [{ kind: 'start', wanted }];
  return [{ kind: 'end', wanted, found }];
}
