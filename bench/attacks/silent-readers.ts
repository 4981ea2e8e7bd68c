/**
 * An attack to be measured: many clients ask for much and read nothing. `node bench/attacks/silent-readers.ts [MAIN [NAME]]` starts a cluster
 * of its own with a simulated engine (MAIN: the src/main.ts to start, of another version to compare; NAME: a part of an attack's), fills its log with 100 MB of facts, and
 * reports the memory of the manager and how `/healthz` answers meanwhile.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const main = process.argv[2] ?? fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const [logBytes, editBytes, attackMs] = [100_000_000, 15_000, 15_000];
const attacks = [
  { name: '1000 readers of NDJSON', path: '/events?class=fact&format=ndjson', readers: 1_000, requests: 1 },
  { name: '100 readers of an event stream', path: '/events?format=sse', readers: 100, requests: 1 },
  { name: '1000 readers of an event stream', path: '/events?format=sse', readers: 1_000, requests: 1 },
  { name: '1000 readers of pages', path: '/events?class=fact&limit=1000', readers: 1_000, requests: 1 },
  { name: '1000 readers of /service/web/why', path: '/service/web/why', readers: 1_000, requests: 1 },
  { name: '100 readers of /service/web/why, 500 requests each', path: '/service/web/why', readers: 100, requests: 500 },
].filter(({ name }) => name.includes(process.argv[3] ?? ''));

const dir = await mkdtemp(join(tmpdir(), 'co-attack-'));
try {
  await withCluster(fill);
  for (const attack of attacks) {
    const result = await withCluster((url, pid) => measure(url, pid, attack));
    console.log(`${attack.name}: ${result}`);
  }
} finally {
  await rm(dir, { recursive: true });
}

/** `requests`: of each reader, at once. */
type Attack = { path: string; readers: number; requests: number };

/** Each attack meets a manager that has just started. */
async function withCluster<T>(use: (url: URL, pid: number) => Promise<T>): Promise<T> {
  const args = [main, 'up', '--data', dir, '--port', '0', '--workers', '1', '--engine', 'simulated'];
  const env = { PATH: process.env.PATH, CO_LOG_LEVEL: 'silent', CO_CONNECTIONS_PER_ADDRESS: '1024' };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = once(child, 'exit');
  try {
    return await use(await urlOf(child.stdout), child.pid!);
  } finally {
    child.kill();
    await exited;
  }
}

async function urlOf(output: AsyncIterable<Buffer>): Promise<URL> {
  let text = '';
  for await (const chunk of output) {
    text += chunk;
    const [, url] = /^ready (\S+)/m.exec(text) ?? [];
    if (url) return new URL(url);
  }
  throw new Error(`the cluster did not start: ${text}`);
}

async function fill(url: URL): Promise<void> {
  for (let n = 0; n < logBytes / editBytes; n += 20) {
    const edits = Array.from({ length: 20 }, (_, index) => edit(url, n + index));
    await Promise.all(edits);
  }
}

async function edit(url: URL, n: number): Promise<void> {
  const env = { N: String(n), FILL: 'x'.repeat(editBytes - 1_000) };
  const services = [{ serviceName: 'web', replicas: 0, container: { name: 'web', image: 'web:1', env } }];
  const answer = await fetch(new URL('/service', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ services }),
  });
  await answer.arrayBuffer();
  if (answer.status !== 202) throw new Error(`POST /service: ${answer.status}`);
}

async function measure(url: URL, pid: number, { path, readers, requests }: Attack): Promise<string> {
  await pause(3_000);
  const idle = await residentMegabytes(pid);
  const sockets: Socket[] = [];
  for (let n = 0; n < readers; n += 1) {
    const socket = connect({ host: url.hostname, port: Number(url.port) });
    socket.on('error', () => {});
    socket.write(`GET ${path} HTTP/1.1\r\nhost: ${url.host}\r\n\r\n`.repeat(requests));
    socket.pause();
    sockets.push(socket);
  }
  let highest = 0;
  const answered: number[] = [];
  let failed = 0;
  for (const startedMs = performance.now(); performance.now() - startedMs < attackMs; ) {
    const calledMs = performance.now();
    try {
      const answer = await fetch(new URL('/healthz', url), {
        signal: AbortSignal.timeout(5_000),
        headers: { connection: 'close' },
      });
      await answer.arrayBuffer();
      answered.push(performance.now() - calledMs);
    } catch {
      failed += 1;
    }
    const resident = await residentMegabytes(pid);
    if (resident === 0) return `the manager ended, at ${highest} MB`;
    highest = Math.max(highest, resident);
    await pause(50);
  }
  for (const socket of sockets) socket.destroy();
  answered.sort((a, b) => a - b);
  const p99 = answered[Math.floor(answered.length * 0.99)] ?? Number.NaN;
  return `${idle} MB idle, +${highest - idle} MB; healthz p99 ${p99.toFixed(0)} ms, ${failed} of ${answered.length + failed} failed`;
}

/** 0 when the process is gone. */
async function residentMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024);
}
