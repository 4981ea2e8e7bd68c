/** Runs the command line in tests: the same program, in this process, with what it said and how it ended. */

import { createContext, type ExitCode } from '../../../src/cli/output/context.ts';
import { runCli } from '../../../src/cli/program.ts';

export type CliRun = {
  code: ExitCode;
  out: string;
  err: string;
  /** Standard output as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into results of every shape
  json(): any;
};

export type CliRunOptions = {
  environment?: Record<string, string>;
  signal?: AbortSignal;
  onOut?: (text: string) => void;
};

export async function coctl(args: readonly string[], options: CliRunOptions = {}): Promise<CliRun> {
  const { environment = {}, signal = new AbortController().signal, onOut } = options;
  let out = '';
  let err = '';
  const context = createContext({
    out: {
      write(text) {
        out += text;
        onOut?.(text);
      },
    },
    err: {
      write(text) {
        err += text;
      },
    },
    environment,
    signal,
  });
  const code = await runCli(args, context);
  return { code, out, err, json: () => JSON.parse(out) };
}
