/** Makes the file of an embedded log smaller: what pruning freed inside it goes back to the file system. */

import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '../../../errors.ts';
import { takeLock } from './sqlite-file.ts';

/** SQLITE_BUSY */
const busy = 5;

/** Keeps writers out meanwhile. Synchronous, some seconds a gigabyte. @throws AppError `log_locked` */
export function compactSqliteFile(path: string): { beforeBytes: number; afterBytes: number } {
  const lock = takeLock(`${path}.lock`);
  try {
    const database = new DatabaseSync(path);
    try {
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      const beforeBytes = statSync(path).size;
      database.exec('VACUUM; PRAGMA wal_checkpoint(TRUNCATE)');
      return { beforeBytes, afterBytes: statSync(path).size };
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== busy) throw error;
      throw new AppError('log_locked', `another process reads the log at ${path}: stop it first`, { cause: error });
    } finally {
      database.close();
    }
  } finally {
    lock.close();
  }
}
