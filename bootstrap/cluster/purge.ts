/** Deletes a data folder: the files that we write, by name, and the folder itself once it is empty. */

import { readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { adminTokenFile } from '../../src/daemon/admin-token.ts';
import { secretsKeyFile } from '../../src/daemon/config.ts';
import { folderFiles } from '../../src/daemon/data-folder.ts';
import { membershipFile } from '../../src/daemon/join/membership-file.ts';
import { secretsFolder } from '../../src/daemon/open-vault.ts';
import { authorityFolder } from '../../src/daemon/tls/own-authority.ts';
import { anchorFile } from '../../src/events/log-anchor.ts';
import { snapshotFolder } from '../../src/projections/snapshots/snapshot-files.ts';
import { dockerdFiles, findOwnDockerd } from './engine/own-dockerd.ts';
import { logFiles } from './log-file.ts';
import { socketFile } from './node-control/socket.ts';

const log = 'events.sqlite';

/** Anything else in the folder is not ours. */
const knownFiles: readonly string[] = [
  ...[log, `${log}-wal`, `${log}-shm`, `${log}-journal`, `${log}.lock`, `${log}.lock-journal`],
  ...Object.values(folderFiles),
  ...[`${folderFiles.lock}-journal`, `${folderFiles.note}.new`],
  ...[logFiles.current, ...logFiles.rotated],
  socketFile,
  adminTokenFile,
  ...[anchorFile, `${anchorFile}.new`],
  authorityFolder,
  membershipFile,
  secretsKeyFile,
  secretsFolder,
  snapshotFolder,
  ...Object.values(dockerdFiles),
];

const folders: readonly string[] = [snapshotFolder, authorityFolder, secretsFolder];

/** @returns what was deleted and what was left, by name and in order */
export async function purgeDataFolder(dir: string): Promise<{ deleted: string[]; left: string[] }> {
  // While the daemon goes on its note is the only way to end it later, and its log is being written.
  const needed: readonly string[] = (await findOwnDockerd(dir)) === null ? [] : Object.values(dockerdFiles);
  const found = (await readdir(dir)).sort();
  const deleted = found.filter((name) => knownFiles.includes(name) && !needed.includes(name));
  const left = found.filter((name) => !deleted.includes(name));
  for (const name of deleted) await rm(join(dir, name), { force: true, recursive: folders.includes(name) });
  if (left.length === 0) await rmdir(dir);
  return { deleted, left };
}
