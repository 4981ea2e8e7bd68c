/**
 * A snapshot: the view as of a commit, so that a replay need not begin at the first. A cache of
 * the fold, never a truth: whatever does not match the log and this program exactly is thrown away and folded again.
 */

import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import type { Commit } from '../../events/schema/event.ts';
import { alarmNames } from '../../model/alarm.ts';
import type { ClusterView } from '../view/cluster-view.ts';
import { copyView } from '../view/copy-view.ts';
import { projectionVersion } from '../view/evolve.ts';
import { partsFormat, readParts, writeParts } from './view-parts.ts';

export type Snapshot = {
  /** The last commit folded. */
  slot: number;
  position: number;
  at: string;
  /** The hash of that commit: another log, or another history, has another. */
  commitHash: string;
  projectionVersion: number;
  /** How `bytes` are written. */
  format: string;
  /** SHA-256 (hex) of `bytes`. */
  bytesHash: string;
  /** The log was folded up to it without it, and came to the same. */
  isChecked?: boolean;
  bytes: Buffer;
};

/** Where snapshots are kept. Whatever fails here costs time, nothing else. */
export type SnapshotStore = {
  /** Takes the place of one of the same slot. */
  save(snapshot: Snapshot): Promise<void>;
  /**
   * The newest that is not after a slot, or null. Its hashes are the caller's to check.
   * @param only.isChecked passes over those that nothing vouches for
   */
  newest(notAfterSlot: number, only?: { isChecked?: boolean }): Promise<Snapshot | null>;
  /** Takes one away that turned out wrong. */
  discard(slot: number): Promise<void>;
  /** Takes all away that are after a slot. */
  discardAfter(slot: number): Promise<void>;
  close(): Promise<void>;
};

/** A fold of this many events takes less than half a second. */
export const eventsPerSnapshot = 50_000;

/** About so many are kept; beyond it every second one of the older half goes. */
export const snapshotsMax = 400;

const format = `${partsFormat}, zstd`;

/** zlib comes back to the event loop for each chunk: with its own 16 KiB a snapshot taken during a long fold takes as long as the fold. */
const chunkSize = 4 * 1024 * 1024;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** Was it taken of a view that is known to be wrong? Until it is checked nothing begins there. Pure. */
export function isDoubtful({ isChecked = false }: Snapshot, { alarms }: ClusterView): boolean {
  return !isChecked && [...alarms.values()].some(({ alarm }) => alarm === alarmNames.viewDiffers);
}

/** The view is read before the first await. */
export async function takeSnapshot(
  view: ClusterView,
  { slot, hash }: Pick<Commit, 'slot' | 'hash'>,
): Promise<Snapshot> {
  const { position, at } = view;
  const bytes = await compress(await writeParts(copyView(view)), { chunkSize });
  return { slot, position, at, commitHash: hash, projectionVersion, format, bytesHash: sha256(bytes), bytes };
}

/**
 * @param commit the log's commit at the snapshot's slot
 * @returns null when it is not of this log, of another program, or damaged
 */
export async function openSnapshot(snapshot: Snapshot, commit: Commit | undefined): Promise<ClusterView | null> {
  const isOurs = snapshot.projectionVersion === projectionVersion && snapshot.format === format;
  const isOfLog = commit?.slot === snapshot.slot && commit.hash === snapshot.commitHash;
  if (!isOurs || !isOfLog || sha256(snapshot.bytes) !== snapshot.bytesHash) return null;
  try {
    return await readParts(await decompress(snapshot.bytes, { chunkSize }));
  } catch {
    return null;
  }
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** The slots to take away so that what is left is bounded and still covers the whole history. Pure. */
export function thinOut(slots: readonly number[]): number[] {
  if (slots.length <= snapshotsMax) return [];
  const sorted = slots.toSorted((a, b) => a - b);
  return sorted.slice(0, sorted.length >> 1).filter((_, index) => index % 2 === 1);
}
