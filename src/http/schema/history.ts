/** Describes answers about the history: events, explanations, differences and what-ifs. */

import { Type } from '@sinclair/typebox';
import { catalog, type EventType } from '../../events/schema/catalog.ts';
import { containerStates } from '../../model/container.ts';
import { serviceStatuses } from '../../model/status-charts.ts';
import { count, named, nullable, oneOf, position, sentence, strict, time } from './schema.ts';

export const eventTypes = Object.keys(catalog).sort() as EventType[];
const eventType = oneOf(eventTypes, 'a type of event; later versions add to them');
const actor = Type.String({ description: 'who did it, such as person:local, node:worker-1 or controller' });

export const Event = named('Event', {
  position: Type.Integer({ minimum: 1 }),
  stream: Type.String({ description: 'what it is about, such as service/web' }),
  version: Type.Integer({ minimum: 0, description: 'counts the events of the stream; 0 for telemetry' }),
  type: eventType,
  schemaVersion: Type.Integer({ minimum: 1 }),
  at: time,
  data: Type.Unknown({ description: 'an object, whose members depend on the type' }),
  meta: Type.Object(
    {
      eventId: Type.String(),
      commitId: Type.String(),
      actor,
      requestId: nullable(Type.String()),
      correlationId: Type.String(),
      causationId: nullable(Type.String(), 'the event it follows from'),
      term: Type.Optional(Type.Integer({ minimum: 1 })),
    },
    strict,
  ),
});

const Range = Type.Object({ from: position, to: position }, strict);
export const EventPage = named('EventPage', {
  events: Type.Array(Type.Unsafe<object>({ $ref: 'Event#' })),
  next: nullable(position, 'where the next page begins: `after` (or `before`, backward); null at the end'),
  pruned: Type.Array(Range, { description: 'positions whose telemetry is gone, both inclusive' }),
});

const Link = Type.Object(
  {
    position,
    at: time,
    type: eventType,
    stream: Type.String(),
    actor,
    sentence,
    details: Type.Array(Type.String()),
    because: nullable(position, 'of its cause; null: an operator, a node or a timer'),
  },
  strict,
);
const chain = {
  chain: Type.Array(Link, { description: 'newest first: each link comes before its cause' }),
  left: nullable(
    Type.Object({ containers: count, isAtLeast: Type.Boolean() }, strict),
    'replaced containers before the last one shown; null when the chain is whole',
  ),
};
const explanation = {
  position,
  at: time,
  answer: sentence,
  notes: Type.Array(Type.String()),
  ...chain,
};

const Candidate = Type.Object({ node: Type.String(), replicasOfService: count, containers: count }, strict);
const Filtered = Type.Object(
  { filter: Type.String(), reason: sentence, count, nodes: Type.Array(Type.String()) },
  strict,
);

export const WhyContainer = named('WhyContainer', {
  ...explanation,
  subject: Type.Object(
    {
      kind: Type.Literal('container'),
      container: Type.String(),
      service: Type.String(),
      slot: Type.Integer({ minimum: 1 }),
      node: Type.String(),
      state: oneOf(containerStates),
    },
    strict,
  ),
  placement: Type.Object(
    { node: Type.String(), candidates: Type.Array(Candidate), filtered: Type.Array(Filtered) },
    strict,
  ),
  replaces: nullable(Type.String()),
  replacedBy: nullable(Type.String()),
});

export const WhyService = named('WhyService', {
  ...explanation,
  subject: Type.Object(
    {
      kind: Type.Literal('service'),
      service: Type.String(),
      status: oneOf([...serviceStatuses, 'removed']),
      replicas: count,
      running: count,
      generation: count,
    },
    strict,
  ),
});

const Row = Type.Record(Type.String(), Type.Unknown(), { description: 'a row, without its position' });
const name = Type.String();
const madeBy = Type.Object(
  { events: Type.Array(Type.Object({ position, at: time, type: eventType }, strict)), more: count },
  { ...strict, description: 'the events that made the difference, oldest first; more: how many further ones' },
);
const Field = Type.Object({ field: Type.String(), before: Type.Unknown(), after: Type.Unknown() }, strict);
const RowChange = Type.Union([
  Type.Object({ change: Type.Literal('added'), name, after: Row, madeBy }, strict),
  Type.Object({ change: Type.Literal('removed'), name, before: Row, madeBy }, strict),
  Type.Object({ change: Type.Literal('changed'), name, fields: Type.Array(Field), madeBy }, strict),
]);
const Changes = Type.Object(
  { added: count, removed: count, changed: count, changes: Type.Array(RowChange), more: count },
  strict,
);
const point = Type.Object({ position, at: time }, strict);

export const Diff = named('Diff', {
  from: point,
  to: point,
  events: Type.Object({ read: count, unreadThrough: nullable(position) }, strict),
  services: Changes,
  nodes: Changes,
  containers: Changes,
});

const Standing = Type.Object(
  {
    replicas: count,
    running: count,
    status: oneOf(serviceStatuses),
    reason: nullable(Type.String()),
    image: Type.String(),
    generation: count,
    nodes: Type.Array(Type.Object({ node: Type.String(), containers: count }, strict)),
  },
  strict,
);

export const WhatIf = named('WhatIf', {
  position,
  at: time,
  verdict: Type.Object(
    {
      kind: oneOf(['unchanged', 'converges', 'stuck', 'held', 'out of time', 'too much']),
      afterMs: Type.Number({ minimum: 0 }),
      sentence,
    },
    strict,
  ),
  timeline: Type.Array(
    Type.Object(
      {
        afterMs: Type.Number({ minimum: 0 }),
        what: sentence,
        why: Type.String(),
        type: oneOf([...eventTypes, 'NodeKilled'], 'a type of event, or NodeKilled'),
        service: nullable(Type.String()),
        slot: nullable(Type.Integer({ minimum: 1 })),
        node: nullable(Type.String()),
      },
      strict,
    ),
  ),
  timelineLeftOut: count,
  services: Type.Array(
    Type.Object(
      {
        service: Type.String(),
        before: Standing,
        after: nullable(Standing, 'null: it is removed'),
        moved: count,
        placed: count,
        stopped: count,
        isUntouched: Type.Boolean(),
        blockedAfterMs: nullable(Type.Number({ minimum: 0 })),
      },
      strict,
    ),
  ),
  assumptions: Type.Array(Type.String()),
});
