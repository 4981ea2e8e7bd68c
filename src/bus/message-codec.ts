/** Encodes messages within a size bound, and parses received bytes once, against their schema. */

import type { TSchema } from '@sinclair/typebox';
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler';
import { AppError } from '../errors.ts';
import * as messages from './messages.ts';
import { StreamAnswer, StreamRequest } from './stream-messages.ts';
import { routingKeys } from './topology.ts';

/**
 * 10 000 desired containers of a node with 150 of the largest specs fit. Below 16 MiB, where RabbitMQ 4 refuses a message
 * and closes the channel.
 */
export const bodyBytesMax = 15 * 1024 * 1024;

export type Parsed<T> = { message: T } | { deadLetter: string };

type Message =
  | messages.Command
  | messages.Refusal
  | messages.Report
  | messages.Heartbeat
  | StreamRequest
  | StreamAnswer;

/** @throws AppError `message_too_large` */
export function encodeBody(message: Message): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  if (body.length > bodyBytesMax) {
    const details = { bytes: body.length, bytesMax: bodyBytesMax };
    throw new AppError('message_too_large', 'the message is larger than the bus carries', { details });
  }
  return body;
}

type Scope = { clusterId: string; routingKey: string };

/** What an agent takes from its queue. */
export function parseCommand(body: Buffer, scope: Scope): Parsed<messages.Command> {
  return parse<messages.Command>(body, scope, (value) => checks.commands.get(value.kind), ofNode(routingKeys.node));
}

/** What an agent takes from the queue of its own instance. */
export function parseRefusal(body: Buffer, scope: Scope): Parsed<messages.Refusal> {
  const routingKeyOf = ({ node, instanceId }: messages.Refusal) => routingKeys.instance(node, instanceId);
  return parse<messages.Refusal>(body, scope, () => checks.refusal, routingKeyOf);
}

/** What managers take from `co_reports`. The broker vouches for the routing key, so it vouches for the node. */
export function parseReport(body: Buffer, scope: Scope): Parsed<messages.Report> {
  return parse<messages.Report>(body, scope, (value) => checks.reports.get(value.kind), ofNode(routingKeys.report));
}

export function parseHeartbeat(body: Buffer, scope: Scope): Parsed<messages.Heartbeat> {
  return parse<messages.Heartbeat>(body, scope, () => checks.heartbeat, ofNode(routingKeys.heartbeat));
}

/** What an agent takes from its queue of streams. */
export function parseStreamRequest(body: Buffer, scope: Scope): Parsed<StreamRequest> {
  const check = (value: { kind?: unknown }) => checks.streamRequests.get(value.kind);
  return parse<StreamRequest>(body, scope, check, ofNode(routingKeys.streams));
}

/** What a manager takes from its queue for one node. The broker vouches for the routing key, so it vouches for the node. */
export function parseStreamAnswer(body: Buffer, scope: Scope): Parsed<StreamAnswer> {
  const check = (value: { kind?: unknown }) => checks.streamAnswers.get(value.kind);
  return parse<StreamAnswer>(body, scope, check, ({ node, manager }) => routingKeys.stream(node, manager));
}

const ofNode =
  (routingKeyOf: (node: string) => string) =>
  ({ node }: { node: string }) =>
    routingKeyOf(node);

function parse<T extends { node: string }>(
  body: Buffer,
  { clusterId, routingKey }: Scope,
  checkOf: (value: { kind?: unknown }) => TypeCheck<TSchema> | undefined,
  routingKeyOf: (message: T) => string,
): Parsed<T> {
  if (body.length > bodyBytesMax) return { deadLetter: `larger than ${bodyBytesMax} bytes` };
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch {
    return { deadLetter: 'not JSON' };
  }
  if (typeof value !== 'object' || value === null) return { deadLetter: 'not an object' };
  if ('clusterId' in value && value.clusterId !== clusterId) return { deadLetter: 'from another cluster' };
  const check = checkOf(value);
  if (!check) return { deadLetter: 'unknown kind' };
  if (!check.Check(value)) {
    const first = check.Errors(value).First();
    return { deadLetter: `does not match its schema: ${first?.path ?? ''} ${first?.message ?? ''}` };
  }
  const message = value as T;
  if (routingKeyOf(message) !== routingKey)
    return { deadLetter: `names node ${message.node}, but was sent as ${routingKey}` };
  return { message };
}

const checksByKind = (union: { anyOf: { properties: { kind: { const: string } } }[] }) =>
  new Map<unknown, TypeCheck<TSchema>>(
    union.anyOf.map((schema) => [schema.properties.kind.const, TypeCompiler.Compile(schema as unknown as TSchema)]),
  );

const checks = {
  commands: checksByKind(messages.Command),
  reports: checksByKind(messages.Report),
  streamRequests: checksByKind(StreamRequest),
  streamAnswers: checksByKind(StreamAnswer),
  refusal: TypeCompiler.Compile(messages.Refusal) as TypeCheck<TSchema>,
  heartbeat: TypeCompiler.Compile(messages.Heartbeat) as TypeCheck<TSchema>,
};
