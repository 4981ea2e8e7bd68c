/** The hashes: of a commit's body, of the chain of commits, and of a container spec. */

import { hash } from 'node:crypto';
import type { ContainerSpec } from '../../model/service.ts';
import { canonicalJson } from './canonical-json.ts';
import type { Commit } from './event.ts';

const sha256 = (text: string) => hash('sha256', text, 'hex');

/** SHA-256 of the RFC 8785 JSON of the array of events. @param eventTexts canonical JSON of each event as stored */
export function hashBody(eventTexts: readonly string[]): string {
  return sha256(`[${eventTexts.join(',')}]`);
}

/** SHA-256 over the previous commit's hash, the header and bodyHash; the events themselves may be pruned. */
export function hashCommit(previousHash: string, commit: Omit<Commit, 'hash' | 'events'>): string {
  const { slot, first, count, at, class: eventClass, writer, commitId, appends, bodyHash } = commit;
  const header = { slot, first, count, at, class: eventClass, writer, commitId, appends, bodyHash };
  return sha256(`${previousHash}${canonicalJson(header)}`);
}

/** First 16 hex digits of the SHA-256 of the canonical spec: equal specs have equal hashes. */
export function specHash(spec: ContainerSpec): string {
  return sha256(canonicalJson(spec)).slice(0, 16);
}
