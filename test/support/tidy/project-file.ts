/** The project's files as the tidy rules see them: those that git keeps or would, and what each of them imports. */

import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';

/** `path`: from the project's folder, with slashes. */
export type ProjectFile = { path: string; text: string };

/** A rule: pure; a sentence for each place that breaks it. */
export type Rule = (files: readonly ProjectFile[]) => string[];

export function readProjectFiles(projectDir: string): ProjectFile[] {
  const options = { cwd: projectDir, encoding: 'utf8' } as const;
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], options);
  return listed
    .split('\0')
    .filter((path) => path !== '' && statSync(join(projectDir, path), { throwIfNoEntry: false })?.isFile())
    .map((path) => ({ path, text: readFileSync(join(projectDir, path), 'utf8') }));
}

export const isSource = ({ path }: ProjectFile) => path.startsWith('src/') && /\.tsx?$/.test(path);
export const isTypeScript = ({ path }: ProjectFile) => /\.tsx?$/.test(path);

export type Import = {
  specifier: string;
  /** From the project's folder, when it is relative. */
  target: string | null;
  /** Gone at run time. */
  isType: boolean;
};

/** Statements as the formatter writes them, at the beginning of a line, and calls of `import()`. */
export function importsOf({ path, text }: ProjectFile): Import[] {
  const imports = text.matchAll(/^import (?:(type) )?(?:[^;'"]*? from )?['"]([^'"\n]+)['"]/gm);
  const exports = text.matchAll(/^export (?:(type) )?[*{][^;'"]*? from ['"]([^'"\n]+)['"]/gm);
  const calls = text.matchAll(/\bimport\(\s*()['"]([^'"\n]+)['"]/g);
  return Array.from([...imports, ...exports, ...calls], ([, type, specifier]) => ({
    specifier: specifier!,
    target: specifier!.startsWith('.') ? posix.join(posix.dirname(path), specifier!) : null,
    isType: type === 'type',
  }));
}
