/** Validates a compose file by the schema of the Compose Specification, as the package dclint ships it. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { AppError } from '../../errors.ts';

/** What a person corrects before they try again. */
const errorsShownMax = 5;

let compiled: ValidateFunction | null = null;

/** @throws AppError `usage_invalid` naming the fields */
export function validateCompose(file: string, value: unknown): void {
  compiled ??= compileSchema();
  if (compiled(value)) return;
  const errors = bestOf(compiled.errors ?? []).map(({ instancePath, message, params }) => {
    const extra = 'additionalProperty' in params ? ` "${params.additionalProperty}"` : '';
    return `${fieldOf(instancePath)} ${message}${extra}`;
  });
  const shown = [...new Set(errors)].slice(0, errorsShownMax);
  throw new AppError('usage_invalid', `${file} is not as the Compose Specification has it: ${shown.join('; ')}`);
}

/** Read when a file is: most commands need none. */
function compileSchema(): ValidateFunction {
  const folder = dirname(createRequire(import.meta.url).resolve('dclint/package.json'));
  const { $schema: _dialect, ...schema } = JSON.parse(
    readFileSync(join(folder, 'schemas', 'compose.schema.json'), 'utf8'),
  ) as Record<string, unknown>;
  return new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(schema);
}

/** Of a choice every branch fails: what lies deepest is what was meant. */
function bestOf(errors: readonly ErrorObject[]): ErrorObject[] {
  const plain = errors.filter(({ keyword }) => keyword !== 'oneOf' && keyword !== 'anyOf');
  const found = plain.length > 0 ? plain : [...errors];
  return found.toSorted((a, b) => depthOf(b) - depthOf(a));
}

const depthOf = ({ instancePath }: ErrorObject) => instancePath.split('/').length;

/** `/services/web/ports/0` as `services.web.ports[0]` */
const fieldOf = (path: string): string =>
  path === ''
    ? 'the file'
    : path
        .slice(1)
        .replace(/\/(\d+)(?=\/|$)/g, '[$1]')
        .replaceAll('/', '.');
