/** Decides what may enter the log: the catalogue's schemas, and values that JSON keeps exactly. Says field and rule. */

import type { TSchema } from '@sinclair/typebox';
import { type TypeCheck, TypeCompiler } from '@sinclair/typebox/compiler';
import { AppError } from '../../errors.ts';
import { catalog, type EventType, isEventType } from './catalog.ts';
import type { NewEvent } from './event.ts';

const compiled = new Map<EventType, TypeCheck<TSchema>>();

/** Compiled on first use: a process that only reads needs none. */
function checkOf(type: EventType): TypeCheck<TSchema> {
  const known = compiled.get(type);
  if (known) return known;
  const check = TypeCompiler.Compile(catalog[type].schema as TSchema);
  compiled.set(type, check);
  return check;
}

/** @throws AppError `event_invalid` (details.field, details.rule) */
export function assertEvent(event: NewEvent): void {
  if (!isEventType(event.type)) refuse('type', 'must be a type of the catalogue');
  const check = checkOf(event.type);
  if (!check.Check(event.data)) {
    const [error] = check.Errors(event.data);
    refuse(`${event.type}.data${error?.path ?? ''}`, error?.message ?? 'does not match its schema');
  }
  assertExact(event.data, `${event.type}.data`);
}

/** What JSON or UTF-8 would change on the way: hashes would differ after reading back. */
function assertExact(value: unknown, field: string): void {
  switch (typeof value) {
    case 'string':
      if (value.includes('\0')) refuse(field, 'must not hold a NUL character');
      if (!value.isWellFormed()) refuse(field, 'must not hold half of a surrogate pair');
      return;
    case 'number':
      if (!Number.isSafeInteger(value) || Object.is(value, -0)) refuse(field, 'must be a safe integer');
      return;
    case 'boolean':
      return;
    case 'object':
      if (value === null) return;
      if (Array.isArray(value)) {
        value.forEach((item, index) => {
          assertExact(item, `${field}/${index}`);
        });
      } else for (const [name, member] of Object.entries(value)) assertExact(member, `${field}/${name}`);
      return;
    default:
      refuse(field, `must be JSON, not ${typeof value}`);
  }
}

function refuse(field: string, rule: string): never {
  throw new AppError('event_invalid', `the event is not valid: ${field}: ${rule}`, { details: { field, rule } });
}
