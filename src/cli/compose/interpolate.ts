/** Puts variables into the values of a compose file: $NAME, ${NAME}, and the forms with a default, an error or a replacement. Pure. */

import { AppError } from '../../errors.ts';

export type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Every text of a value; names of members stay as they are.
 * @param onUnset called with the name of a variable that has no value, where the file has no default
 * @throws AppError `usage_invalid`: a required variable is not set, or braces are not closed
 */
export function interpolateTree(value: unknown, variables: Variables, onUnset: (name: string) => void): unknown {
  if (typeof value === 'string') return interpolate(value, variables, onUnset);
  if (Array.isArray(value)) return value.map((item) => interpolateTree(item, variables, onUnset));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, interpolateTree(member, variables, onUnset)]),
  );
}

const namePattern = /^[A-Za-z_][A-Za-z0-9_]*/;

function interpolate(text: string, variables: Variables, onUnset: (name: string) => void): string {
  let result = '';
  for (let index = 0; index < text.length; ) {
    const dollar = text.indexOf('$', index);
    if (dollar < 0) return result + text.slice(index);
    result += text.slice(index, dollar);
    const rest = text.slice(dollar + 1);
    if (rest.startsWith('$')) {
      result += '$';
      index = dollar + 2;
      continue;
    }
    const expression = rest.startsWith('{') ? rest.slice(1, closingBrace(rest, text)) : namePattern.exec(rest)?.[0];
    if (expression === undefined) throw refusal(text, 'a $ is written $$');
    result += rest.startsWith('{') ? evaluate(expression, variables, onUnset) : lookUp(expression, variables, onUnset);
    index = dollar + 1 + expression.length + (rest.startsWith('{') ? 2 : 0);
  }
  return result;
}

/** Defaults may hold variables of their own. */
function closingBrace(rest: string, text: string): number {
  let depth = 0;
  for (let index = 0; index < rest.length; index += 1) {
    if (rest[index] === '{') depth += 1;
    if (rest[index] === '}') depth -= 1;
    if (depth === 0) return index;
  }
  throw refusal(text, 'a brace is not closed');
}

function evaluate(expression: string, variables: Variables, onUnset: (name: string) => void): string {
  const name = namePattern.exec(expression)?.[0];
  const [, operator, word = ''] = /^(:?[-?+])?(.*)$/s.exec(expression.slice(name?.length ?? 0)) ?? [];
  if (name === undefined || (operator === undefined && word !== '')) throw refusal(`\${${expression}}`, 'no such form');
  if (operator === undefined) return lookUp(name, variables, onUnset);
  const value = variables[name];
  const isSet = value !== undefined && !(operator.startsWith(':') && value === '');
  const replacement = () => interpolate(word, variables, onUnset);
  if (operator.endsWith('+')) return isSet ? replacement() : '';
  if (isSet) return value;
  if (operator.endsWith('-')) return replacement();
  throw new AppError('usage_invalid', `the variable ${name} is required: ${replacement() || 'it is not set'}`);
}

function lookUp(name: string, variables: Variables, onUnset: (name: string) => void): string {
  const value = variables[name];
  if (value === undefined) onUnset(name);
  return value ?? '';
}

const refusal = (text: string, why: string) =>
  new AppError('usage_invalid', `${JSON.stringify(text.slice(0, 100))} cannot be read: ${why}`);
