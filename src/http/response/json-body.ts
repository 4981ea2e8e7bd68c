/** Owns reading a JSON body: says where it breaks, without repeating what it says. */

import { isUtf8 } from 'node:buffer';
import { AppError } from '../../errors.ts';

/** Finding the place costs some 17 parses of the body; a larger one is refused without it. */
const locatedBytesMax = 64 * 1024;

/** @throws AppError `json_invalid` */
export function parseJsonBody(bytes: Buffer): unknown {
  if (bytes.length === 0) throw new AppError('json_invalid', 'the body is empty; JSON was announced');
  if (!isUtf8(bytes)) throw new AppError('json_invalid', 'the body is not UTF-8');
  const text = bytes.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    throw new AppError('json_invalid', `the body is not valid JSON${whereOf(text)}`);
  }
}

/**
 * The engine's own message quotes the body, which may hold a secret, and often lacks the place. A prefix of valid
 * JSON fails only for its end, so the first prefix that fails otherwise ends at the fault.
 */
function whereOf(text: string): string {
  if (text.length > locatedBytesMax) return '';
  if (isPrefixOfJson(text)) return ': it ends too early';
  let good = 0;
  let bad = text.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (isPrefixOfJson(text.slice(0, middle))) good = middle;
    else bad = middle;
  }
  const before = text.slice(0, good).split('\n');
  return ` at line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
}

/** True for valid JSON and for what only lacks its rest. */
function isPrefixOfJson(text: string): boolean {
  if (text.trim() === '') return true;
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    return endsThere((error as SyntaxError).message, text);
  }
}

/** The engine names the position it stopped at; at the very end nothing but the rest is missing. */
function endsThere(message: string, text: string): boolean {
  const position = /position (\d+)/.exec(message);
  return position === null ? message.includes('end of JSON') : Number(position[1]) >= text.trimEnd().length;
}
