/** Parses the documents of a YAML or JSON text, within bounds. Pure. */

import { type Document, parseAllDocuments } from 'yaml';
import { AppError, errorMessage } from '../../errors.ts';

/** A file of a person; and aliases of YAML can make much of little. */
const fileCharactersMax = 2 ** 20;
const aliasesMax = 100;
const depthMax = 40;

/** @param path names it in a refusal @throws AppError `usage_invalid` naming path and rule */
export function parseDocuments(path: string, text: string): unknown[] {
  if (text.length > fileCharactersMax)
    throw new AppError('usage_invalid', `${path} has more than ${fileCharactersMax} characters`);
  const documents = parseAllDocuments(text, { merge: true, uniqueKeys: true });
  if (!Array.isArray(documents)) return [];
  return documents.map((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem) throw new AppError('usage_invalid', `${path}: ${problem.message.split('\n')[0]!.replace(/:$/, '')}`);
    return toTree(path, document);
  });
}

/** @throws AppError `usage_invalid`: aliases that hold themselves, or too many of them */
function toTree(path: string, document: Document.Parsed): unknown {
  try {
    const value: unknown = document.toJS({ maxAliasCount: aliasesMax });
    if (depthOf(value) > depthMax) throw new Error(`it is nested more than ${depthMax} deep`);
    return value;
  } catch (error) {
    throw new AppError('usage_invalid', `${path}: ${errorMessage(error)}`, { cause: error });
  }
}

/** Not more than one beyond the bound. */
const depthOf = (value: unknown, depth = 0): number =>
  value === null || typeof value !== 'object' || depth > depthMax
    ? depth
    : Math.max(depth, ...Object.values(value).map((member) => depthOf(member, depth + 1)));
