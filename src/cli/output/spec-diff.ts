/** What would change in the spec of a service, a line a member. Pure. */

import type { WhatIfAnswer } from '../../history/what-if/what-if.ts';
import { printable } from './table.ts';
import { whatIfTables } from './what-if-tables.ts';

/** What a dry run of services answers. */
export type Supposed = { specs: SpecChange[]; plan: WhatIfAnswer };

/** The differences, then what would move. */
export function supposedLines({ specs, plan }: Supposed): { isDifferent: boolean; lines: string[] } {
  const differences = specs.flatMap(specDiffLines);
  if (differences.length === 0) return { isDifferent: false, lines: ['nothing would change'] };
  return { isDifferent: true, lines: [...differences, '', ...whatIfTables(plan)] };
}

export type SpecChange = { serviceName: string; before: object | null; after: object | null };

/** `+ web` with its members, `~ web` with those that change, `- web`; nothing for a service that stays as it is. */
export function specDiffLines({ serviceName, before, after }: SpecChange): string[] {
  if (before === null && after === null) return [];
  if (after === null) return [`- ${serviceName}`];
  const [old, wanted] = [leavesOf(before ?? {}), leavesOf(after)];
  const lines = [...new Set([...old.keys(), ...wanted.keys()])].flatMap((member) => {
    const [was, is] = [old.get(member), wanted.get(member)];
    if (was === is) return [];
    if (was === undefined) return [`    + ${member}: ${is}`];
    return [is === undefined ? `    - ${member}: ${was}` : `    ~ ${member}: ${was} → ${is}`];
  });
  if (lines.length === 0) return [];
  return [`${before === null ? '+' : '~'} ${serviceName}`, ...lines.map(printable)];
}

/** By path, in JSON; lists are compared as a whole, and what is empty says nothing. */
function leavesOf(value: object, path = ''): Map<string, string> {
  const leaves = new Map<string, string>();
  for (const [name, member] of Object.entries(value)) {
    const at = path === '' ? name : `${path}.${name}`;
    if (member !== null && typeof member === 'object' && !Array.isArray(member)) {
      for (const [leaf, text] of leavesOf(member, at)) leaves.set(leaf, text);
    } else if (!Array.isArray(member) || member.length > 0) {
      leaves.set(at, JSON.stringify(member));
    }
  }
  return leaves;
}
