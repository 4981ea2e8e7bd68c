/** Runs the command line in tests: the same program, in this process, with what it said and how it ended. */

import { Readable } from 'node:stream';
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
  /** Standard input, to its end. */
  input?: string;
  /** Standard output is a terminal, so wide. */
  columns?: number;
};

export async function coctl(args: readonly string[], options: CliRunOptions = {}): Promise<CliRun> {
  const { environment = {}, signal = new AbortController().signal, onOut, input, columns } = options;
  let out = '';
  let err = '';
  const context = createContext({
    out: {
      write(part) {
        const text = typeof part === 'string' ? part : Buffer.from(part).toString();
        out += text;
        onOut?.(text);
      },
      ...(columns === undefined ? {} : { isTTY: true, columns }),
    },
    err: {
      write(part) {
        err += typeof part === 'string' ? part : Buffer.from(part).toString();
      },
    },
    ...(input === undefined ? {} : { input: Readable.from([Buffer.from(input)]) }),
    environment,
    signal,
  });
  const code = await runCli(args, context);
  return { code, out, err, json: () => JSON.parse(out) };
}
