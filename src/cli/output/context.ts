/** What every command is given: its streams, its environment and its exit codes. Knows no command. */

import { createLiveLines, type LiveLines } from './live-lines.ts';
import { createProgressBar, type ProgressBar } from './progress-bar.ts';
import { wrapText } from './wrap.ts';

/** What a shell gets; every `--help` documents them. */
export const exitCodes = {
  fine: 0,
  different: 1,
  misused: 2,
  unreachable: 3,
  unconverged: 4,
  forbidden: 5,
  interrupted: 130,
} as const;
/** Or that of a command that was run in a container. */
export type ExitCode = number;

export type CliContext = {
  /** A line of the result for people, to standard output: on a terminal no longer than it is wide. */
  print(line: string): void;
  /** A line that is copied or read by programs: never broken. */
  printWhole(line: string): void;
  /** The result for programs: one JSON value, to standard output. */
  printJson(value: unknown): void;
  /** A part of the result as it is, to standard output. */
  write(part: string | Uint8Array): void;
  writeError(part: string | Uint8Array): void;
  /** Standard input; null: there is none. */
  input: Input | null;
  /** Of standard output. */
  terminalSize(): { columns: number; rows: number } | null;
  /** A line beside the result (what went wrong, how it went), to standard error. */
  printError(line: string): void;
  /** One line of standard error that is written over; silent without a terminal. */
  progressBar(what: string): ProgressBar;
  /** Lines that are written over: of standard error, where the result is apart, or of standard output; null without a terminal. */
  liveLines(on?: 'err' | 'out'): LiveLines | null;
  /** Standard output is a terminal. */
  isTerminal: boolean;
  /** Characters of a line of standard output; null where it is no terminal. */
  widthMax: number | null;
  /** Standard output is a terminal, and its user has not set NO_COLOR. */
  hasColors: boolean;
  environment: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C: every wait ends. */
  signal: AbortSignal;
  /** How the process will end; the last call counts. A command that throws needs none. */
  exitWith(code: ExitCode): void;
  exitCode(): ExitCode;
};

export type TextStream = {
  write(text: string | Uint8Array): unknown;
  isTTY?: boolean;
  columns?: number;
  rows?: number;
};

export type Input = AsyncIterable<Uint8Array> & {
  isTTY?: boolean;
  /** Of a terminal: every key at once, Ctrl-C too. */
  setRawMode?(isRaw: boolean): unknown;
  /** Ends the reading. */
  destroy(): unknown;
};

export type ContextOptions = {
  out: TextStream;
  err: TextStream;
  input?: Input;
  environment: CliContext['environment'];
  signal: AbortSignal;
};

export function createContext({ out, err, input, environment, signal }: ContextOptions): CliContext {
  let exitCode: ExitCode = exitCodes.fine;
  const widthMax = widthOf(out, environment);
  return {
    print: (line) => void out.write(`${wrapText(line, widthMax)}\n`),
    printWhole: (line) => void out.write(`${line}\n`),
    printJson: (value) => void out.write(`${JSON.stringify(value, null, 2)}\n`),
    write: (part) => void out.write(part),
    writeError: (part) => void err.write(part),
    input: input ?? null,
    terminalSize: () => (out.columns && out.rows ? { columns: out.columns, rows: out.rows } : null),
    printError: (line) => void err.write(`${wrapText(line, widthOf(err, environment))}\n`),
    progressBar: (what) => createProgressBar(what, err),
    liveLines: (on = 'err') => liveLinesOf(on === 'err' ? err : out),
    isTerminal: out.isTTY ?? false,
    widthMax,
    hasColors: out.isTTY === true && !environment.NO_COLOR,
    environment,
    signal,
    exitWith(code) {
      exitCode = code;
    },
    exitCode: () => exitCode,
  };
}

const columnsDefault = 80;

/** COLUMNS wins, as for other programs. A pipe has no width, and a terminal that does not know its own says 0. */
function widthOf({ isTTY, columns }: TextStream, { COLUMNS: given }: CliContext['environment']) {
  if (!isTTY) return null;
  return given && /^[1-9]\d{0,4}$/.test(given) ? Number(given) : columns || columnsDefault;
}

const liveLinesOf = (stream: TextStream) => (stream.isTTY ? createLiveLines(stream) : null);
