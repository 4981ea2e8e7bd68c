/**
 * Owns `npm run bench`: every measurement in one run, one table at the end. Ratios count, absolute figures depend on the
 * machine. `npm run bench -- plan http` runs some of them.
 */

import { benchAppend } from './append.ts';
import { benchFold } from './fold.ts';
import { benchHttp } from './http.ts';
import { benchPlan } from './plan.ts';
import { benchStart } from './start.ts';
import { type BenchRow, printTable } from './table.ts';

const benches: Record<string, () => Promise<BenchRow[]>> = {
  append: benchAppend,
  http: benchHttp,
  start: benchStart,
  fold: benchFold,
  plan: benchPlan,
};

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !Object.hasOwn(benches, name));
if (unknown.length > 0) {
  console.error(`no such benchmark: ${unknown.join(', ')} (there are ${Object.keys(benches).join(', ')})`);
  process.exit(2);
}

const rows: BenchRow[] = [];
for (const [name, bench] of Object.entries(benches)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  console.error(`${name} …`);
  const startedMs = performance.now();
  rows.push(...(await bench()));
  console.error(`${name}: ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
}
printTable(rows);
process.exit(rows.some(({ met }) => met === false) ? 1 : 0);
