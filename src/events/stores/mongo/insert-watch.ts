/** Notifies of every insert, also of other processes. Without a replica set there is nothing to watch. */

import { type ChangeStream, type Collection, MongoServerError } from 'mongodb';
import type { Logger } from '../../../logger.ts';
import type { CommitDocument } from './commit-documents.ts';

/** A change stream that broke is opened again after this; followers poll meanwhile. */
const watchAgainMs = 2_000;

export function createInsertWatch(collection: Collection<CommitDocument>, logger: Logger) {
  const listeners = new Set<(slot: number) => void>();
  let stream: ChangeStream | null = null;
  let timer: NodeJS.Timeout | null = null;
  let isClosed = false;

  const open = () => {
    timer = null;
    if (isClosed || listeners.size === 0 || stream) return;
    const opened = collection.watch([
      { $match: { operationType: 'insert' } },
      { $project: { _id: 1, documentKey: 1 } },
    ]);
    stream = opened;
    opened.on('change', (change) => {
      if (change.operationType !== 'insert') return;
      for (const listener of listeners) listener(change.documentKey._id);
    });
    opened.on('error', (error) => {
      logger.debug({ err: error }, 'the change stream broke; the log is polled until it is back');
      stream = null;
      opened.close().catch(() => {});
      if (!isClosed && !isUnsupported(error)) timer = setTimeout(open, watchAgainMs);
    });
  };

  return {
    onInserted(listener: (slot: number) => void): () => void {
      listeners.add(listener);
      if (!timer) open();
      return () => listeners.delete(listener);
    },
    async close(): Promise<void> {
      isClosed = true;
      if (timer) clearTimeout(timer);
      await stream?.close().catch(() => {});
    },
  };
}

/** "The $changeStream stage is only supported on replica sets" */
const isUnsupported = (error: unknown) => error instanceof MongoServerError && error.code === 40573;
