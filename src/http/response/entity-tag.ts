/** Makes entity tags, parses lists of them and compares them (RFC 9110, section 8.8.3). */

import { AppError } from '../../errors.ts';
import { refuseField } from './problem.ts';

export type ConditionName = 'If-Match' | 'If-None-Match';

/** Each with its quotes, and with `W/` when it is a weak one; `*` alone. */
export type Tags = readonly string[];

/**
 * Of one service, node or container. It begins with the version of its stream, which is what a change of it depends on: the
 * rest of the cluster goes on without refusing the change.
 * @param position of the last fact that the answer shows
 */
export const resourceTag = (version: number, position: number): string => `"${version}-${position}"`;

const tagPattern = '(?:W/)?"[\\x21\\x23-\\x7e\\x80-\\xff]*"';
const listPattern = new RegExp(`^[ \\t,]*(?:${tagPattern}(?:[ \\t]*,(?:[ \\t]*${tagPattern})?)*[ \\t]*)?$`);

/**
 * A tag may have a comma inside, and a list may be empty.
 * @returns null: the request does not have this header
 * @throws AppError `header_invalid`
 */
export function parseTags(name: ConditionName, header: string | undefined): Tags | null {
  if (header === undefined) return null;
  if (header.trim() === '*') return ['*'];
  if (listPattern.test(header)) return header.match(new RegExp(tagPattern, 'g')) ?? [];
  throw refuseField('header_invalid', name, 'must be * or a list of tags such as "7-1500"');
}

/** How If-None-Match compares. If-Match compares strongly: as they are, so that a weak tag matches nothing. */
export const withoutWeakness = (tags: Tags): Tags => tags.map((tag) => tag.replace(/^W\//, ''));

/** @param etag of what there is instead; null when there is nothing, or nothing with a tag */
export function refusePrecondition(field: ConditionName, rule: string, etag: string | null): AppError {
  return new AppError('precondition_failed', `${field} ${rule}`, { details: { field, rule, etag } });
}
