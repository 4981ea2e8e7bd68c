/**
 * The files of a data folder beside its log: which process runs on it now, and which cluster it belongs to on which engine.
 * The log has a lock of its own; this one also covers a cluster whose log is elsewhere, and `down` while it removes.
 */

import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, errorMessage } from '../errors.ts';
import { type FileLock, takeFileLock } from '../events/stores/sqlite/file-lock.ts';

/** What a cluster may have left on an engine: `down` reads it when nothing runs any more, and takes it away. */
export type FolderNote = {
  cluster: string;
  clusterId: string;
  /** Where its containers are: a socket's path or `tcp://host:port`; null: all were simulated. */
  docker: string | null;
};

export type DataFolder = {
  readNote(): Promise<FolderNote | null>;
  /**
   * An engine once noted stays noted, for what is on it does.
   * @throws AppError `cluster_mismatch`: another cluster has left containers, which would be forgotten
   */
  note(note: FolderNote): Promise<void>;
  forget(): Promise<void>;
  release(): Promise<void>;
};

/** Every file this module leaves in a data folder. */
export const folderFiles = { lock: 'up.lock', holder: 'up.pid', note: 'cluster.json' } as const;

/**
 * Makes the folder when there is none.
 * @throws AppError `data_in_use` naming the process · `data_unusable`
 */
export async function lockDataFolder(dir: string): Promise<DataFolder> {
  const path = (file: keyof typeof folderFiles) => join(dir, folderFiles[file]);
  await mkdir(dir, { recursive: true }).catch((error: Error) => {
    throw new AppError('data_unusable', `the data folder ${dir} cannot be made: ${error.message}`, { cause: error });
  });
  const lock = await takeLock(dir, path('lock'), path('holder'));
  await writeFile(path('holder'), `${process.pid}\n`);
  const readNote = async () => {
    const text = await readFile(path('note'), 'utf8').catch(() => null);
    return text === null ? null : (JSON.parse(text) as FolderNote);
  };
  return {
    readNote,
    async note(note) {
      const last = await readNote();
      if (last !== null && last.docker !== null && last.clusterId !== note.clusterId) {
        const left = `cluster ${last.cluster} (${last.clusterId}) may have containers at ${last.docker}`;
        const hint = './bootstrap/down removes them; or use another --data';
        throw new AppError('cluster_mismatch', `${dir} is noted for another cluster, ${left}: ${hint}`);
      }
      const draft = `${path('note')}.new`;
      await writeFile(draft, `${JSON.stringify({ ...note, docker: note.docker ?? last?.docker ?? null }, null, 2)}\n`);
      await rename(draft, path('note'));
    },
    forget: () => rm(path('note'), { force: true }),
    async release() {
      await rm(path('holder'), { force: true });
      lock.close();
    },
  };
}

async function takeLock(dir: string, lockPath: string, holderPath: string): Promise<FileLock> {
  let lock: FileLock | null;
  try {
    lock = takeFileLock(lockPath);
  } catch (error) {
    const words = errorMessage(error);
    throw new AppError('data_unusable', `the data folder ${dir} cannot be used: ${words}`, { cause: error });
  }
  if (lock) return lock;
  const holder = (await readFile(holderPath, 'utf8').catch(() => '')).trim() || 'unknown';
  const hint = `stop it first (Ctrl-C where it runs, or kill -TERM ${holder}), or use another --data`;
  throw new AppError('data_in_use', `process ${holder} runs a cluster on ${dir}: ${hint}`);
}
