/** A text in the editor of a person: as a file of its own, which is gone afterwards unless it is kept. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../../errors.ts';
import type { CliContext } from '../output/context.ts';

export type Draft = {
  /** Opens it with this text. @returns what it is afterwards @throws AppError `editor_failed` · the signal's reason */
  edit(text: string): Promise<string>;
  /** @returns the file, which stays; null: nothing was typed that would be lost */
  keep(): string | null;
  close(): Promise<void>;
};

/** Where neither variable is set, as on every other system. */
const editorDefault = 'vi';

/** With its arguments, as `code --wait`. @throws AppError `usage_invalid`: there is none, and no terminal for the default */
export function editorOf({ environment, input, isTerminal }: CliContext): string {
  const given = environment.VISUAL?.trim() || environment.EDITOR?.trim();
  if (given) return given;
  if (input?.isTTY && isTerminal) return editorDefault;
  const message = `there is no terminal for ${editorDefault}: set EDITOR to a program that edits the file it is given`;
  throw new AppError('usage_invalid', message);
}

/** @param fileName shown by the editor; its end says what the text is */
export async function openDraft(fileName: string, editor: string, context: CliContext): Promise<Draft> {
  const folder = await mkdtemp(join(tmpdir(), 'coctl-edit-'));
  const path = join(folder, fileName);
  let [isTyped, isKept] = [false, false];
  return {
    async edit(text) {
      await writeFile(path, text, { mode: 0o600 });
      try {
        await runEditor(editor, path, context);
      } finally {
        isTyped ||= (await readFile(path, 'utf8').catch(() => text)) !== text;
      }
      return readFile(path, 'utf8');
    },
    keep() {
      isKept = isTyped;
      return isKept ? path : null;
    },
    async close() {
      if (!isKept) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** By the shell, for its arguments and quotes. It has the terminal, also where standard output is a pipe of the result. */
async function runEditor(editor: string, path: string, { isTerminal, signal }: CliContext): Promise<void> {
  signal.throwIfAborted();
  const child = spawn('sh', ['-c', `${editor} "$@"`, editor, path], {
    stdio: ['inherit', isTerminal ? 'inherit' : process.stderr.fd, 'inherit'],
  });
  const stop = () => child.kill();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const [code, killedBy] = await once(child, 'close');
    signal.throwIfAborted();
    if (code === 0) return;
    throw new AppError('editor_failed', `the editor ${editor} ended with ${code ?? killedBy}: nothing is changed`);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
