/** Which program this is, as package.json has it. */

import { readFileSync } from 'node:fs';

export function readProgram(): { name: string; version: string } {
  const { name, version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
  return { name: String(name), version: String(version) };
}
