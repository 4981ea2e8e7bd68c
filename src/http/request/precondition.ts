/** Checks If-Match and If-None-Match of a change (RFC 9110, section 13.1) against what it is about. */

import type { IncomingHttpHeaders } from 'node:http';
import type { Precondition } from '../../reconciler/append/command-handler.ts';
import type { Resource } from '../../reconciler/commands/resources.ts';
import {
  type ConditionName,
  parseTags,
  refusePrecondition,
  resourceTag,
  type Tags,
  withoutWeakness,
} from '../response/entity-tag.ts';
import { refuseField } from '../response/problem.ts';

/** @returns null: the request has none @throws AppError `header_invalid` */
export function preconditionOf(headers: IncomingHttpHeaders): Precondition | null {
  const match = parseTags('If-Match', headers['if-match']);
  const noneMatch = parseTags('If-None-Match', headers['if-none-match']);
  if (match === null && noneMatch === null) return null;

  return (resources, position) => {
    if (resources.length > 1) {
      refuseTagsOfMany('If-Match', match);
      refuseTagsOfMany('If-None-Match', noneMatch);
    }
    for (const resource of resources) {
      const etag = resource.version === null ? null : resourceTag(resource.version, position);
      if (match !== null && !isAmong(match, resource)) {
        throw refusePrecondition('If-Match', `does not match: ${describe(resource, etag)}`, etag);
      }
      if (noneMatch !== null && isAmong(withoutWeakness(noneMatch), resource)) {
        throw refusePrecondition('If-None-Match', `matches: ${describe(resource, etag)}`, etag);
      }
    }
  };
}

const describe = ({ name, exists }: Resource, etag: string | null): string => {
  if (etag !== null) return `${name} has the tag ${etag}`;
  return exists ? `${name} exists, without a tag` : `${name} does not exist`;
};

/** A change depends on the version alone: what else an answer shows may have become another since. */
function isAmong(tags: Tags, { exists, version }: Resource): boolean {
  return exists && tags.some((tag) => tag === '*' || (version !== null && tag.startsWith(`"${version}-`)));
}

/** A version says nothing without the service that has it. @throws AppError `header_invalid` */
function refuseTagsOfMany(name: ConditionName, tags: Tags | null): void {
  if (tags?.some((tag) => tag !== '*')) throw refuseField('header_invalid', name, 'must be * for several services');
}
