/**
 * Locks between processes of one machine. By way of SQLite, which asks the operating system: a lock ends with the
 * process that holds it, however that ends.
 */

import { DatabaseSync } from 'node:sqlite';

export type FileLock = { close(): void };

/** SQLITE_BUSY */
const busy = 5;

/**
 * @param path made when there is none, and left there
 * @returns null: another process holds it
 * @throws Error of SQLite when the file cannot be used at all
 */
export function takeFileLock(path: string): FileLock | null {
  const lock = new DatabaseSync(path);
  try {
    lock.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode === busy) return null;
    throw error;
  }
}
