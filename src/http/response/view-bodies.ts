/**
 * Bodies of views: each written a part at a time, so that other requests are answered meanwhile, once for all who ask at the
 * same time, and kept for those who ask again.
 */

import { createSemaphore } from '../../concurrency/semaphore.ts';
import { createYielder } from '../../concurrency/yielder.ts';
import { replaysFull } from '../../history/replay/past-views.ts';
import { writeViewInSteps } from '../../projections/snapshots/view-text.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { copyView } from '../../projections/view/copy-view.ts';
import { projectionVersion } from '../../projections/view/evolve.ts';
import { compress } from './compressed.ts';

export type ViewBody = {
  position: number;
  bytes: Buffer;
  /** Once, for the first who asks. */
  compressed(): Promise<Buffer>;
};

export type ViewBodies = {
  /** Of the live view as it is now, or a little later. */
  live(): Promise<ViewBody>;
  /** @throws what `readView` throws · AppError `replays_full` (retryable) */
  past(position: number, readView: () => Promise<ClusterView>): Promise<ViewBody>;
};

/** Each takes memory of several times its size. */
const writtenAtOnceMax = 2;
const waitingMax = 32;
/** How long one may keep the event loop. */
const sliceMs = 5;
/** Of the past, without what is compressed: three of a cluster of 15 000 containers. */
const keptBytesMax = 64 * 1024 * 1024;

export function createViewBodies(live: ClusterView): ViewBodies {
  const semaphore = createSemaphore({
    permits: writtenAtOnceMax,
    waitingMax,
    onFull: () => replaysFull(waitingMax),
  });
  const kept = new Map<number, { body: Promise<ViewBody>; bytes: number }>();
  let latest: ViewBody | null = null;
  let running: Promise<ViewBody> | null = null;
  let next: Promise<ViewBody> | null = null;

  const writeLive = async (): Promise<ViewBody> => {
    running = next;
    next = null;
    try {
      latest = await semaphore.run(async () =>
        latest?.position === live.position ? latest : writeBody(copyView(live)),
      );
      return latest;
    } finally {
      running = null;
    }
  };

  const forgetOldest = () => {
    let bytes = 0;
    for (const entry of kept.values()) bytes += entry.bytes;
    for (const [position, entry] of kept) {
      if (bytes <= keptBytesMax) return;
      bytes -= entry.bytes;
      kept.delete(position);
    }
  };

  return {
    live() {
      if (latest?.position === live.position) return Promise.resolve(latest);
      // The one under way may be older than the call: all who ask meanwhile get the one after it.
      next ??= (running ?? Promise.resolve()).then(writeLive, writeLive);
      return next;
    },
    past(position, readView) {
      const entry = kept.get(position) ?? { body: semaphore.run(async () => writeBody(await readView())), bytes: 0 };
      const isNew = !kept.has(position);
      kept.delete(position);
      kept.set(position, entry);
      if (isNew) {
        entry.body.then(
          ({ bytes }) => {
            entry.bytes = bytes.length;
            forgetOldest();
          },
          () => kept.delete(position),
        );
      }
      return entry.body;
    },
  };
}

/** The position is that of the last event folded, telemetry included: what follows is asked for behind it. */
async function writeBody(view: ClusterView): Promise<ViewBody> {
  const { position, at, containers } = view;
  const yielder = createYielder(sliceMs);
  const head = JSON.stringify({ position, at, projectionVersion, containers: containers.size });
  const chunks = [Buffer.from(`${head.slice(0, -1)},"view":`)];
  const writing = writeViewInSteps(view);
  let step = writing.next();
  for (; !step.done; step = writing.next()) if (yielder.isDue()) await yielder.yield();
  for (const part of step.value) {
    if (yielder.isDue()) await yielder.yield();
    chunks.push(Buffer.from(part));
  }
  chunks.push(Buffer.from('}'));
  const bytes = Buffer.concat(chunks);
  let compressed: Promise<Buffer> | null = null;
  return {
    position,
    bytes,
    compressed() {
      compressed ??= compress(bytes);
      return compressed;
    },
  };
}
