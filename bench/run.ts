/**
 * Owns `npm run bench`: every measurement in one run, one table at the end. Ratios count, absolute figures depend on the
 * machine. Brings the servers of the tests, so a fresh clone needs nothing else. `npm run bench -- plan http` runs some.
 */

import { fileURLToPath } from 'node:url';
import { buildHello } from '../bootstrap/images/build-hello.ts';
import { openServices } from '../bootstrap/services/open-services.ts';
import { type BenchRow, printTable } from './table.ts';

type Bench = { needsServers: boolean; load: () => Promise<() => Promise<BenchRow[]>> };

/** Loaded when they run: they read from the environment where the servers are. */
const benches: Record<string, Bench> = {
  append: { needsServers: true, load: async () => (await import('./append.ts')).benchAppend },
  http: { needsServers: true, load: async () => (await import('./http.ts')).benchHttp },
  start: { needsServers: true, load: async () => (await import('./start.ts')).benchStart },
  fold: { needsServers: false, load: async () => (await import('./fold.ts')).benchFold },
  plan: { needsServers: false, load: async () => (await import('./plan.ts')).benchPlan },
};

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !Object.hasOwn(benches, name));
if (unknown.length > 0) {
  console.error(`no such benchmark: ${unknown.join(', ')} (there are ${Object.keys(benches).join(', ')})`);
  process.exit(2);
}
const running = Object.entries(benches).filter(([name]) => chosen.length === 0 || chosen.includes(name));
const interruption = new AbortController();
process.once('SIGINT', () => interruption.abort());
const say = (line: string) => console.error(`  · ${line}`);
const logDir = fileURLToPath(new URL('../.test-services/logs', import.meta.url));

const services = running.some(([, { needsServers }]) => needsServers)
  ? await openServices(logDir, say, interruption.signal)
  : null;
Object.assign(process.env, services?.environment);
const rows: BenchRow[] = [];
try {
  const socketPath = process.env.CO_TEST_DOCKER_SOCKET;
  if (services && socketPath) say(await buildHello({ socketPath, mayInstall: false }));
  for (const [name, { load }] of running) {
    interruption.signal.throwIfAborted();
    console.error(`${name} …`);
    const startedMs = performance.now();
    const bench = await load();
    rows.push(...(await bench()));
    console.error(`${name}: ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  }
} finally {
  await services?.close();
}
printTable(rows);
process.exit(rows.some(({ met }) => met === false) ? 1 : 0);
