/**
 * A manager's check of itself: whenever a snapshot of its live view is kept, it folds the log again from the last
 * snapshot that was checked, of whichever process, and compares. A difference is an alarm in the log, and the snapshots
 * kept since then are discarded.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { type AppError, hasCode } from '../../errors.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import type { NewEvent } from '../../events/schema/event.ts';
import type { Logger } from '../../logger.ts';
import { alarmNames } from '../../model/alarm.ts';
import type { Projector } from '../../projections/live/projector.ts';
import { openSnapshot, type Snapshot, type SnapshotStore } from '../../projections/snapshots/snapshot.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { clearAlarm, raiseAlarm, subjectsOf } from '../../reconciler/planner/alarms.ts';
import { replay } from '../replay/replay.ts';
import { compareSteps, type Difference, describeDifference } from './view-comparison.ts';

export type SelfCheck = {
  /** Soon, one at a time; of several that wait the newest counts. @param slot of a snapshot that is kept */
  check(slot: number): void;
  /** A check under way ends. */
  close(): Promise<void>;
};

export type SelfCheckDeps = {
  log: Pick<EventLog, 'append' | 'readCommits' | 'readCommitAt' | 'readCommitBefore' | 'head'>;
  projector: Pick<Projector, 'view'>;
  snapshots: Pick<SnapshotStore, 'save' | 'newest' | 'discard' | 'discardAfter'>;
  logger: Logger;
};

export type SelfCheckOptions = {
  managerId: string;
  /** After each slice: what a check may take of the process is bounded. */
  pauseMs?: number;
};

/** Some milliseconds of folding: a call to the manager waits no longer than that. */
const sliceCommits = 20;
/** Some milliseconds of comparing. */
const sliceRows = 500;
/** A check of 100,000 events takes seconds, and a small part of them. */
const pauseDefaultMs = 10;

/** What a check found: null = nothing. */
type Finding = { subject: string; message: string } | null;

/** `beginSlot`: snapshots up to it are correct; 0 = none is known to be. */
type Checked = { finding: Finding; beginSlot: number };

type Kept = { snapshot: Snapshot; view: ClusterView };

export function createSelfCheck(deps: SelfCheckDeps, options: SelfCheckOptions): SelfCheck {
  const { log, projector, snapshots, logger } = deps;
  const { managerId, pauseMs = pauseDefaultMs } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const comparison: Comparison = { ...deps, signal, pauseBetween: () => pause(pauseMs, undefined, { signal }) };
  let waiting: number | null = null;
  let running: Promise<void> | null = null;

  const runWaiting = async () => {
    for (let slot = waiting; slot !== null && !signal.aborted; slot = waiting) {
      waiting = null;
      try {
        await checkOne(slot);
      } catch (error) {
        // The next check begins where this one did: nothing is left out.
        if (!signal.aborted) logger.warn({ err: error, slot }, 'the live view could not be checked');
      }
    }
  };

  const checkOne = async (slot: number) => {
    const kept = await openKept(deps, slot);
    if (!kept) return;
    const { position } = kept.view;
    const { finding, beginSlot } = await compareWithLog(comparison, kept.view, slot);
    try {
      // Those whose check was passed over are of the same view.
      if (finding) await snapshots.discardAfter(beginSlot);
      else await snapshots.save({ ...kept.snapshot, isChecked: true });
    } finally {
      // Also when no snapshot can be written just now: what was found is true.
      if (finding) logger.error({ slot, position, ...finding }, 'the live view is not what the log says');
      else logger.info({ slot, position }, 'the live view is what the log says');
      const events = eventsOf(finding, projector.view, managerId);
      if (events.length > 0) await log.append(events);
    }
  };

  return {
    check(slot) {
      waiting = slot;
      running ??= runWaiting().finally(() => {
        running = null;
      });
    },
    async close() {
      closing.abort();
      await running;
    },
  };
}

/** The live view as of the slot; null when the snapshot is gone or damaged, which says nothing about the view. */
async function openKept({ log, snapshots }: SelfCheckDeps, slot: number): Promise<Kept | null> {
  const snapshot = await snapshots.newest(slot);
  if (snapshot?.slot !== slot) return null;
  const [commit] = await log.readCommits({ afterSlot: slot - 1, limit: 1 });
  const view = await openSnapshot(snapshot, commit);
  return view && { snapshot, view };
}

type Comparison = SelfCheckDeps & { signal: AbortSignal; pauseBetween: () => Promise<void> };

/** Folds the log again, from the last checked snapshot before the slot, in slices. */
async function compareWithLog(
  { log, snapshots, logger, signal, pauseBetween }: Comparison,
  kept: ClusterView,
  slot: number,
): Promise<Checked> {
  let beginSlot = 0;
  const checked: Pick<SnapshotStore, 'newest' | 'discard'> = {
    async newest(notAfterSlot) {
      const found = await snapshots.newest(Math.min(notAfterSlot, slot - 1), { isChecked: true });
      beginSlot = found?.slot ?? 0;
      return found;
    },
    discard: snapshots.discard,
  };
  const readCommits: EventLog['readCommits'] = async ({ afterSlot }) => {
    await pauseBetween();
    return log.readCommits({ afterSlot, limit: sliceCommits });
  };
  try {
    const inSlices = { log: { ...log, readCommits }, logger, snapshots: checked };
    const replayed = await replay(inSlices, { to: { position: kept.position }, signal });
    const difference = await findDifference(replayed, kept, pauseBetween);
    const finding = difference && { subject: difference.view, message: describeDifference(difference) };
    return { finding, beginSlot };
  } catch (error) {
    if (!hasCode(error, 'fold_failed')) throw error;
    return { finding: { subject: 'log', message: (error as AppError).message }, beginSlot };
  }
}

async function findDifference(
  replayed: ClusterView,
  kept: ClusterView,
  pauseBetween: () => Promise<void>,
): Promise<Difference | null> {
  let rows = 0;
  for (const difference of compareSteps(replayed, kept)) {
    if (difference) return difference;
    rows += 1;
    if (rows % sliceRows === 0) await pauseBetween();
  }
  return null;
}

/** An alarm is raised once, and cleared by the first check that finds nothing. Pure. */
function eventsOf(finding: Finding, view: ClusterView, managerId: string): NewEvent[] {
  const actor = `manager:${managerId}` as const;
  const alarm = alarmNames.viewDiffers;
  if (finding) return [raiseAlarm(view, { alarm, ...finding }, actor)].filter((event) => event !== null);
  return subjectsOf(view, alarm).flatMap((subject) => clearAlarm(view, { alarm, subject }, actor) ?? []);
}
