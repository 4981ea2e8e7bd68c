/** Reads the OpenAPI document of a running manager, and checks answers by it. */

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Answer } from './http.ts';

export type Operation = {
  operationId: string;
  tags: string[];
  security?: object[];
  parameters?: { in: string; name: string; required: boolean; example?: string; schema: object }[];
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, Response>;
};
type Response = {
  description: string;
  headers?: Record<string, { schema: object }>;
  content?: Record<string, { schema: object }>;
};

export type OpenApiDocument = {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { examples?: unknown[] }> };
};

export type NamedOperation = { method: string; path: string; operation: Operation };

export const operationsOf = ({ paths }: OpenApiDocument): NamedOperation[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );

/** @returns why an answer is not as the document says, a sentence each; empty when it is */
export type CheckAnswer = (operation: Operation, answer: Answer) => string[];

export function createAnswerCheck(document: OpenApiDocument): CheckAnswer {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema({ $id: 'document', components: document.components });
  const compiled = new Map<object, ValidateFunction>();
  const validatorOf = (schema: object) => {
    const known = compiled.get(schema) ?? ajv.compile(refersTo('document', schema));
    compiled.set(schema, known);
    return known;
  };

  return ({ operationId, responses }, { status, headers, body, text }) => {
    const response = responses[status];
    if (!response) return [`${operationId} answers ${status}, which is not documented`];
    const named = Object.keys(response.headers ?? {}).map((name) => name.toLowerCase());
    const missing = ['etag', 'retry-after', 'allow', 'www-authenticate', 'location', 'idempotent-replayed'].filter(
      (name) => headers[name] !== undefined && !named.includes(name),
    );
    const faults = missing.map((name) => `${operationId} ${status} has the header ${name}, which is not documented`);
    if (!response.content) return text === '' ? faults : [...faults, `${operationId} ${status} has a body`];
    const [type = ''] = String(headers['content-type']).split(';');
    const content = response.content[type];
    if (!content) return [...faults, `${operationId} ${status} is ${type}, which is not documented`];
    if (!/json$/.test(type) || type.includes('ndjson')) return faults;
    const validate = validatorOf(content.schema);
    if (validate(body)) return faults;
    return [
      ...faults,
      ...(validate.errors ?? []).map((error) => `${operationId} ${status}: ${ajv.errorsText([error])}`),
    ];
  };
}

/** The same schema, its references meant in another one. */
const refersTo = (id: string, schema: object): object =>
  JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', `"$ref":"${id}#/`));

/** A request as the examples of an operation have it. */
export type ExampleCall = { path: string; headers: Record<string, string>; body: unknown };

/**
 * With what is required, and once more with each example of what is not.
 * @returns null: something is required that has no example
 */
export function exampleCallsOf(
  { components }: OpenApiDocument,
  { path, operation }: NamedOperation,
): ExampleCall[] | null {
  const { parameters = [], requestBody } = operation;
  const bodies = requestBody ? bodiesOf(components, requestBody.content['application/json'] ?? {}) : [undefined];
  const required = parameters.filter((parameter) => parameter.required);
  if (bodies.length === 0 || required.some(({ example }) => example === undefined)) return null;
  const optional = parameters.filter((parameter) => !parameter.required && parameter.example !== undefined);
  const choices = [required, ...optional.map((parameter) => [...required, parameter])];
  return bodies.flatMap((body) => choices.map((chosen) => toCall(path, chosen, body)));
}

type Media = { schema?: object; example?: unknown; examples?: Record<string, { value: unknown }> };

function bodiesOf(components: OpenApiDocument['components'], { schema, example, examples }: Media): unknown[] {
  if (example !== undefined) return [example];
  if (examples) return Object.values(examples).map(({ value }) => value);
  const { $ref = '' } = (schema ?? {}) as { $ref?: string };
  return components.schemas[$ref.split('/').at(-1)!]?.examples ?? [];
}

function toCall(path: string, parameters: NonNullable<Operation['parameters']>, body: unknown): ExampleCall {
  const of = (place: string) => parameters.filter((parameter) => parameter.in === place);
  const filled = of('path').reduce((text, { name, example }) => text.replace(`{${name}}`, String(example)), path);
  const query = new URLSearchParams(of('query').map(({ name, example }): [string, string] => [name, String(example)]));
  const headers = Object.fromEntries(of('header').map(({ name, example }) => [name, String(example)]));
  return { path: query.size > 0 ? `${filled}?${query}` : filled, headers, body };
}
