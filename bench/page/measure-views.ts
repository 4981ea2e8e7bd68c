/** Asks for views of the past and of now, and meanwhile whether the manager is well: how long others wait for a view. */

import { request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { type BenchRow, percentile } from '../table.ts';
import { startBenchManager } from './bench-manager.ts';
import { spread } from './spread.ts';

/** Of `GET /healthz`, while views are served. */
const healthMsMax = 50;
const measuredMs = 20_000;
const pauseMs = 10;
const viewers = 2;

export async function measureViews(dataDir: string): Promise<BenchRow[]> {
  const { url, manager } = await startBenchManager(dataDir);
  try {
    const { position } = (await (await fetch(`${url}/service_state`)).json()) as { position: number };
    const idle = await measureHealth(url, measuredMs / 4);
    const live = await whileServed(url, () => '/view');
    let turn = 0;
    const past = await whileServed(url, () => {
      turn += 1;
      return `/view?at=${1 + ((turn * 614_657) % position)}`;
    });
    return [
      { name: 'GET /healthz of an idle manager', ...spread(idle, 0.99), target: '', met: null },
      ...rowsOf('GET /view', live, idle),
      ...rowsOf('GET /view?at= any position', past, idle),
    ];
  } finally {
    await manager.end();
  }
}

type Served = { views: number[]; health: number[] };

async function whileServed(url: string, pathOf: () => string): Promise<Served> {
  const views: number[] = [];
  const ending = new AbortController();
  const viewer = async () => {
    while (!ending.signal.aborted) views.push(await timeCall(`${url}${pathOf()}`));
  };
  const served = Promise.all(Array.from({ length: viewers }, viewer));
  const health = await measureHealth(url, measuredMs);
  ending.abort();
  await served;
  return { views, health };
}

async function measureHealth(url: string, forMs: number): Promise<number[]> {
  const taken: number[] = [];
  for (const untilMs = performance.now() + forMs; performance.now() < untilMs; ) {
    taken.push(await timeCall(`${url}/healthz`));
    await pause(pauseMs);
  }
  return taken;
}

/** Nothing is made of the answer here: what is measured is the manager. */
function timeCall(url: string): Promise<number> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const call = request(url, { headers: { 'accept-encoding': 'gzip' } }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${url} answered ${answer.statusCode}`));
      answer.resume().on('end', () => resolve(performance.now() - startedMs));
    });
    call.on('error', reject).end();
  });
}

function rowsOf(what: string, { views, health }: Served, idle: readonly number[]): BenchRow[] {
  const p99 = percentile(health, 0.99);
  return [
    { name: `${what}, ${viewers} at a time`, ...spread(views), target: '', met: null },
    {
      name: 'GET /healthz meanwhile, p99 over that of an idle manager',
      ...spread(health, 0.99),
      ratio: p99 / percentile(idle, 0.99),
      target: `≤ ${healthMsMax} ms`,
      met: p99 <= healthMsMax,
    },
  ];
}
