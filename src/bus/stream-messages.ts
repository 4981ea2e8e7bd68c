/**
 * The messages of streams: what a container prints, a command run inside it, what it uses. They are no facts: they travel beside commands
 * and reports, on queues of their own, and are lost with the manager or the agent that has the stream.
 */

import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { ContainerId, NodeId, Uuid } from '../model/ids.ts';
import { ContainerStats, ExecOptions, LogLine, LogOptions, Output, TerminalSize } from '../model/stream.ts';

const object = <T extends Record<string, TSchema>>(members: T) => Type.Object(members, { additionalProperties: false });
const text = (maxLength: number) => Type.String({ maxLength });
const Bytes = Type.Integer({ minimum: 1, maximum: 1024 * 1024 * 1024 });

/** Of input and of output: what one message carries at most. In base64 and with its frame it stays far below what a bus carries. */
export const chunkBytesMax = 32 * 1024;
/** Bytes of input that a command need not have taken: a manager begins with it, and more is given as the command takes them. */
export const inputCredit = 64 * 1024;
const Base64 = Type.String({ pattern: '^[A-Za-z0-9+/]*={0,2}$', maxLength: Math.ceil(chunkBytesMax / 3) * 4 });
/** Open at one manager or at one agent, more than either allows. */
const streamsNamedMax = 2_048;

/** Where a manager reads the answers of a node: its id and a number. Part of a routing key and of the name of a queue. */
const ManagerAddress = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,160}$', maxLength: 161 });

const StreamAsk = Type.Union([
  object({ kind: Type.Literal('logs'), options: LogOptions }),
  object({ kind: Type.Literal('exec'), options: ExecOptions }),
  object({ kind: Type.Literal('stats') }),
]);
export type StreamAsk = Static<typeof StreamAsk>;

const requestHead = {
  clusterId: Uuid,
  node: NodeId,
  streamId: Uuid,
  /** 1,2,3… within the stream. One that is repeated is dropped, and one that is missing ends the stream. */
  sequence: Type.Integer({ minimum: 1 }),
};

/** `credit`: bytes of output that may be under way until more is given. */
const OpenRequest = object({
  kind: Type.Literal('open'),
  ...requestHead,
  manager: ManagerAddress,
  container: ContainerId,
  ask: StreamAsk,
  credit: Bytes,
});
export type OpenRequest = Static<typeof OpenRequest>;

/** From a manager to the agent of a node. */
export const StreamRequest = Type.Union([
  OpenRequest,
  object({ kind: Type.Literal('credit'), ...requestHead, bytes: Bytes }),
  object({ kind: Type.Literal('input'), ...requestHead, bytes: Base64 }),
  object({ kind: Type.Literal('input end'), ...requestHead }),
  object({ kind: Type.Literal('resize'), ...requestHead, size: TerminalSize }),
  /** Its client has left. */
  object({ kind: Type.Literal('close'), ...requestHead }),
  /** Every few seconds: the streams of this manager that go on. An agent ends one that is not named for long. */
  object({
    kind: Type.Literal('keep'),
    clusterId: Uuid,
    node: NodeId,
    manager: ManagerAddress,
    streams: Type.Array(Uuid, { maxItems: streamsNamedMax }),
  }),
]);
export type StreamRequest = Static<typeof StreamRequest>;

const answerHead = {
  clusterId: Uuid,
  node: NodeId,
  manager: ManagerAddress,
  streamId: Uuid,
  /** 1,2,3… within the answers of the stream. */
  sequence: Type.Integer({ minimum: 1 }),
};

/** Why a stream ended that did not come to its own end. */
const streamErrorCodes = [
  'container_not_running',
  'exec_failed',
  'engine_unavailable',
  'streams_full',
  'stream_broken',
  'option_refused',
] as const;
const StreamError = object({
  code: Type.Union(streamErrorCodes.map((code) => Type.Literal(code))),
  message: text(1024),
});
export type StreamError = Static<typeof StreamError>;

const LinesAnswer = object({
  kind: Type.Literal('lines'),
  ...answerHead,
  lines: Type.Array(LogLine, { minItems: 1, maxItems: 4_096 }),
});
const OutputAnswer = object({ kind: Type.Literal('output'), ...answerHead, output: Output, bytes: Base64 });
const StatsAnswer = object({ kind: Type.Literal('stats'), ...answerHead, stats: ContainerStats });

/** From the agent of a node to the manager that opened the stream. */
export const StreamAnswer = Type.Union([
  object({ kind: Type.Literal('opened'), ...answerHead }),
  LinesAnswer,
  OutputAnswer,
  StatsAnswer,
  /** So many bytes of input were written, and as many more may come. */
  object({ kind: Type.Literal('credit'), ...answerHead, bytes: Bytes }),
  /** The last of the stream. `exitCode` of a command that ended. */
  object({
    kind: Type.Literal('end'),
    ...answerHead,
    exitCode: Type.Optional(Type.Integer()),
    error: Type.Optional(StreamError),
  }),
  /** Answers `keep`: those of them that the agent has. */
  object({
    kind: Type.Literal('kept'),
    clusterId: Uuid,
    node: NodeId,
    manager: ManagerAddress,
    streams: Type.Array(Uuid, { maxItems: streamsNamedMax }),
  }),
]);
export type StreamAnswer = Static<typeof StreamAnswer>;

type WithoutHead<T> = T extends StreamAnswer ? Omit<T, keyof typeof answerHead> : never;
/** What an answer says, without whose it is. */
export type AnswerBody = WithoutHead<Exclude<StreamAnswer, { kind: 'kept' }>>;

/** A line in a message has members and quotes around it. */
const lineFrameBytes = 64;

/** What an answer takes of its stream's credit. Both ends count it, so it is one function. Pure. */
export function chargeOf(body: AnswerBody): number {
  if (body.kind === 'lines') return body.lines.reduce((sum, line) => sum + chargeOfLine(line), 0);
  return body.kind === 'output' ? body.bytes.length : 0;
}

export const chargeOfLine = (line: LogLine): number => Buffer.byteLength(line.text) + lineFrameBytes;
