/** The words of streams: lines that a container printed, a command run inside it, what it uses. */

import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { IsoTime } from './ids.ts';

const object = <T extends Record<string, TSchema>>(members: T) => Type.Object(members, { additionalProperties: false });

export const Output = Type.Union([Type.Literal('stdout'), Type.Literal('stderr')]);
export type Output = Static<typeof Output>;

/** A longer line is cut: its rest is not sent. */
export const lineBytesMax = 16 * 1024;

/** `at`: when the engine had it. Without its line end. */
export const LogLine = object({ at: IsoTime, output: Output, text: Type.String({ maxLength: lineBytesMax + 1 }) });
export type LogLine = Static<typeof LogLine>;

/** Lines before now that a stream may begin with. */
export const tailMax = 100_000;

export const LogOptions = object({
  /** Goes on with what is printed from now on, until the container ends. */
  follow: Type.Boolean(),
  /** Begins with so many of the last lines; null: with all that the engine has. */
  tail: Type.Union([Type.Integer({ minimum: 0, maximum: tailMax }), Type.Null()]),
  /** Leaves out what is older; null: nothing. */
  since: Type.Union([IsoTime, Type.Null()]),
});
export type LogOptions = Static<typeof LogOptions>;

const cells = Type.Integer({ minimum: 1, maximum: 10_000 });
export const TerminalSize = object({ columns: cells, rows: cells });
export type TerminalSize = Static<typeof TerminalSize>;

export const argumentsMax = 64;
export const argumentCharactersMax = 1_024;
/** The program and its arguments. */
export const ExecCommand = Type.Array(Type.String({ minLength: 1, maxLength: argumentCharactersMax }), {
  minItems: 1,
  maxItems: argumentsMax,
});

export const ExecOptions = object({
  command: ExecCommand,
  /** Under a terminal: stdout and stderr are one. */
  tty: Type.Boolean(),
  stdin: Type.Boolean(),
  /** Of the terminal; null: the engine's default. */
  size: Type.Union([TerminalSize, Type.Null()]),
});
export type ExecOptions = Static<typeof ExecOptions>;

export const ContainerStats = object({
  at: IsoTime,
  /** Over about the last second, in thousandths of a CPU. */
  cpuMillis: Type.Integer({ minimum: 0 }),
  memoryBytes: Type.Integer({ minimum: 0 }),
  /** What it may use at most; null: all of its machine. */
  memoryLimitBytes: Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]),
});
export type ContainerStats = Static<typeof ContainerStats>;
