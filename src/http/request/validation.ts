/** Describes a schema error by member and rule. Never repeats a value that was sent: it may be a secret. */

import type { AppError } from '../../errors.ts';
import { type FieldError, type ProblemCode, refuseField } from '../response/problem.ts';
import { refusalOfMember } from './refused-options.ts';

/** The part of an Ajv error that is used. Ajv runs with `verbose`, so the error has the schema that was broken. */
export type SchemaError = {
  keyword: string;
  instancePath: string;
  params: Record<string, unknown>;
  message?: string;
  propertyName?: string;
  parentSchema?: { $id?: string; description?: string; anyOf?: readonly { type?: string }[] };
};

const codes: Record<string, ProblemCode> = {
  body: 'body_invalid',
  querystring: 'query_invalid',
  params: 'path_invalid',
  headers: 'header_invalid',
};

/** @param context which part of the request: `body`, `querystring`, `params` or `headers` */
export function refuseSchema(errors: readonly SchemaError[], context: string): AppError {
  const code = codes[context] ?? 'request_invalid';
  const { field, rule } = describeSchemaErrors(errors, context);
  return refuseField(code, field, rule);
}

/** How many there are is said of the alternative it was meant for, so that it need not be described. */
const lengthKeywords: ReadonlySet<string> = new Set([
  'maxLength',
  'minLength',
  'maxItems',
  'minItems',
  'maxProperties',
]);

/**
 * The first error is enough to act on, but for a union, whose own error describes all alternatives: unless something inside
 * the only one with an inside broke a rule, which says where, or it was too long, which says by what.
 */
function describeSchemaErrors(errors: readonly SchemaError[], context: string): Omit<FieldError, 'message'> {
  const union = errors.find(({ keyword, parentSchema }) => keyword === 'anyOf' && parentSchema?.description);
  const inside = union && hasOneStructure(union) ? errors.find(isInside(union)) : undefined;
  const length = union && errors.find((error) => lengthKeywords.has(error.keyword));
  const error = inside ?? length ?? union ?? errors[0];
  if (!error) return { field: context, rule: 'breaks its schema' };
  const path = `${pathOf(error.instancePath)}${itemOf(error)}`;
  const inner = error.propertyName ?? error.params.missingProperty ?? error.params.additionalProperty;
  const field = [path, inner === undefined ? '' : printable(String(inner))].filter((part) => part !== '').join('.');
  return { field: field === '' ? context : field, rule: ruleOf(error) };
}

/** Of two that are the same, the second is one too many. */
const itemOf = ({ keyword, params }: SchemaError) =>
  keyword === 'uniqueItems' ? `[${Math.max(Number(params.i), Number(params.j))}]` : '';

const hasOneStructure = ({ parentSchema }: SchemaError) =>
  parentSchema?.anyOf?.filter(({ type }) => type === 'object' || type === 'array').length === 1;

const isInside =
  (union: SchemaError) =>
  ({ instancePath }: SchemaError) =>
    instancePath.startsWith(`${union.instancePath}/`);

/** `/services/0/container/env/A~1B` → `services[0].container.env.A/B` */
function pathOf(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? `[${step}]` : `.${printable(step)}`))
    .join('')
    .replace(/^\./, '');
}

function ruleOf({ keyword, params, message, parentSchema }: SchemaError): string {
  const described = parentSchema?.description;
  switch (keyword) {
    case 'required':
      return 'is required';
    case 'uniqueItems':
      return 'occurs twice';
    case 'additionalProperties':
      return refusalOf(params, parentSchema) ?? 'is not a known field';
    case 'pattern':
    case 'anyOf':
      return described ? `must be ${described}` : 'has characters or a form that are not allowed';
    case 'const':
    case 'enum':
      return described ? `must be ${described}` : 'is not one of the allowed values';
    case 'type':
      return `must be ${article(String(params.type))}`;
    case 'minLength':
      return described ? `must be ${described}` : `must have at least ${params.limit} characters`;
    case 'minimum':
      return `must be at least ${params.limit}`;
    case 'maximum':
      return `must be at most ${params.limit}`;
    case 'minItems':
    case 'minProperties':
      return `must have at least ${params.limit} ${unitOf(keyword)}`;
    case 'maxLength':
    case 'maxItems':
    case 'maxProperties':
      return `must have at most ${params.limit} ${unitOf(keyword)}`;
    default:
      return message ?? 'breaks its schema';
  }
}

/** A container has members that are known, and refused with the reason. */
const refusalOf = ({ additionalProperty }: SchemaError['params'], schema: SchemaError['parentSchema']) =>
  schema?.$id?.startsWith('Container') ? refusalOfMember(String(additionalProperty)) : undefined;

function unitOf(keyword: string): string {
  if (keyword.endsWith('Length')) return 'characters';
  return keyword.endsWith('Items') ? 'items' : 'members';
}

const article = (type: string) => (/^[aio]/.test(type) ? `an ${type}` : `a ${type}`);

/** A name that was sent, safe to show and to record: printable ASCII, at most 64 characters. */
function printable(text: string): string {
  const plain = text.replaceAll(/[^\x20-\x7e]/g, '?');
  return plain.length > 64 ? `${plain.slice(0, 64)}…` : plain;
}
