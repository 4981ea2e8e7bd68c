/**
 * Runs `npm run bench`: every measurement in one run, one table at the end. Ratios count, absolute figures depend on the
 * machine. Brings the servers of the tests, so a fresh clone needs nothing else. `npm run bench -- plan http` runs some.
 * One that fails is named, and the others go on.
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
  release: { needsServers: true, load: async () => (await import('./release.ts')).benchRelease },
  fold: { needsServers: false, load: async () => (await import('./fold.ts')).benchFold },
  page: { needsServers: true, load: async () => (await import('./page/page.ts')).benchPage },
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

const rows: BenchRow[] = [];
const failed: string[] = [];
for (const [name, bench] of running) {
  if (interruption.signal.aborted) break;
  try {
    rows.push(...(await runOne(name, bench)));
  } catch (error) {
    failed.push(name);
    console.error(`${name} FAILED: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
  }
}
printTable(rows);
if (failed.length > 0) console.error(`\nfailed: ${failed.join(', ')}`);
process.exit(failed.length > 0 || rows.some(({ met }) => met === false) ? 1 : 0);

/**
 * Each with servers of its own: the stand-in for MongoDB keeps in memory all that was ever written to it, so what comes
 * after a bench that writes much would measure its garbage collection, or wait in vain for a connection.
 */
async function runOne(name: string, { needsServers, load }: Bench): Promise<BenchRow[]> {
  console.error(`${name} …`);
  const given = { ...process.env };
  const services = needsServers ? await openServices(logDir, say, interruption.signal) : null;
  try {
    Object.assign(process.env, services?.environment);
    const socketPath = process.env.CO_TEST_DOCKER_SOCKET;
    if (services && socketPath) say(await buildHello({ socketPath, mayInstall: false }));
    const startedMs = performance.now();
    const bench = await load();
    const measured = await bench();
    console.error(`${name}: ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
    return measured;
  } finally {
    for (const name of Object.keys(services?.environment ?? {})) {
      if (given[name] === undefined) delete process.env[name];
      else process.env[name] = given[name];
    }
    await services?.close();
  }
}
