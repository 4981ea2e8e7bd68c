/** The golden file: one event of every type and version ever written, a line each. Lines are added, never changed. */

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { canonicalJson } from '../../src/events/schema/canonical-json.ts';
import type { GoldenLine } from './example-history.ts';

export const goldenPath = fileURLToPath(new URL('./events.ndjson', import.meta.url));

export const keyOf = ({ event }: GoldenLine): string => `${event.type}@${event.schemaVersion}`;

export function readGolden(): GoldenLine[] {
  if (!existsSync(goldenPath)) return [];
  const lines = readFileSync(goldenPath, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as GoldenLine);
}

/**
 * What the file lacks, numbered on from its last line.
 * @param story what would be written today; a type told again in another way is one more line
 * @throws Error when an event of a type and version that has its line would be written in another way
 */
export function linesToAdd(golden: readonly GoldenLine[], story: readonly GoldenLine[]): GoldenLine[] {
  const keys = new Set(golden.map(keyOf));
  const texts = new Set(golden.map(({ event }) => canonicalJson(event)));
  if (golden.length === 0) return [...story];
  const unchanged = new Set<string>();
  const added: GoldenLine[] = [];
  for (const line of story) {
    const key = keyOf(line);
    if (texts.has(canonicalJson(line.event))) {
      unchanged.add(key);
      continue;
    }
    if (keys.has(key) && !unchanged.has(key))
      throw new Error(`${key} has its line, which is not changed: raise the version of its schema`);
    added.push({ ...line, position: golden.length + added.length + 1 });
  }
  return added;
}
