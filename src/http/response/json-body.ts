/** Parses JSON bodies. A refusal names the place of the error without quoting the body. */

import { isUtf8 } from 'node:buffer';
import { AppError } from '../../errors.ts';

/** Finding the place takes some 17 parses of the body; for a larger body it is left out. */
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
 * The message of the JSON parser quotes the body, which may contain a secret, and often lacks the place. A prefix of
 * valid JSON fails at its end only, so the first prefix that fails elsewhere ends at the error.
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

/** Also true for valid JSON. */
function isPrefixOfJson(text: string): boolean {
  if (text.trim() === '') return true;
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    return endsThere((error as SyntaxError).message, text);
  }
}

/** The parser names the position where it failed: at the very end, the text is only incomplete. */
function endsThere(message: string, text: string): boolean {
  const position = /position (\d+)/.exec(message);
  return position === null ? message.includes('end of JSON') : Number(position[1]) >= text.trimEnd().length;
}
