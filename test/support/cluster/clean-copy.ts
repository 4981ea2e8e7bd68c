/** The repository as a new user gets it: what git has of it and nothing else, with the packages that are installed here. */

import { execFile } from 'node:child_process';
import { copyFile, mkdir, symlink, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const projectDir = fileURLToPath(new URL('../../..', import.meta.url));
const listed = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'];

/** Files that are to be committed are in it, too. null: this is no working tree of git, or git is not there. */
export async function findFiles(): Promise<string[] | null> {
  const run = promisify(execFile);
  const options = { cwd: projectDir, maxBuffer: 2 ** 24 };
  const [files, deleted] = await Promise.all([
    run('git', listed, options),
    run('git', ['ls-files', '-z', '--deleted'], options),
  ]).catch(() => [null, null]);
  if (files === null || deleted === null) return null;
  const gone = new Set(deleted.stdout.split('\0'));
  return files.stdout.split('\0').filter((file) => file !== '' && !gone.has(file));
}

export async function copyFiles(files: readonly string[], folder: string): Promise<void> {
  for (const parent of new Set(files.map((file) => dirname(join(folder, file))))) {
    await mkdir(parent, { recursive: true });
  }
  for (const file of files) await copyFile(join(projectDir, file), join(folder, file));
  await symlink(join(projectDir, 'node_modules'), join(folder, 'node_modules'));
  // Packages that look older than their list are installed again, and these are those of another folder.
  await utimes(join(folder, 'package-lock.json'), 0, 0);
}
