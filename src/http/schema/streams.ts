/** The schemas of what containers print and use. */

import { Type } from '@sinclair/typebox';
import { ContainerStats } from '../../model/stream.ts';
import { named, nullable, oneOf } from './schema.ts';

export const LogLineAnswer = named(
  'LogLine',
  {
    container: Type.Optional(Type.String({ description: 'of which it is; absent in a problem of the whole stream' })),
    at: Type.Optional(Type.String({ format: 'date-time', description: 'with timestamps=true' })),
    output: Type.Optional(oneOf(['stdout', 'stderr'], 'where it was printed')),
    text: Type.Optional(Type.String({ description: 'without its line end' })),
    problem: Type.Optional(
      Type.Object(
        { code: Type.String(), detail: Type.String() },
        { additionalProperties: false, description: 'instead of a line: why no more come' },
      ),
    ),
  },
  'A line that a container printed, or why there are no more of it.',
);

export const ContainerStatsAnswer = named(
  'ContainerStats',
  {
    container: Type.String(),
    service: Type.String(),
    node: Type.String(),
    at: Type.String({ format: 'date-time' }),
    cpuMillis: Type.Integer({ minimum: 0, description: 'over about the last second, in thousandths of a CPU' }),
    memoryBytes: ContainerStats.properties.memoryBytes,
    memoryLimitBytes: nullable(Type.Integer({ minimum: 0 }), 'null: all of its machine'),
  },
  'What a container uses.',
);
