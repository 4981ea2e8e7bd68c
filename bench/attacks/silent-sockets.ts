/**
 * An attack to be measured: one address keeps 1,024 connections open and says nothing on them, for twenty seconds, and the API is called
 * beside it. `node bench/attacks/silent-sockets.ts [URL]`, against a manager of your own on loopback.
 */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const url = new URL(process.argv[2] ?? 'http://127.0.0.1:5000');
const [silentCount, durationMs, callEveryMs] = [1_024, 20_000, 100];
const silent = new Set<Socket>();

function openSilent(): void {
  const socket = connect({ host: url.hostname, port: Number(url.port) });
  silent.add(socket);
  socket.on('error', () => {});
  socket.on('close', () => silent.delete(socket));
  socket.resume();
}

const startedMs = performance.now();
const elapsedMs = () => performance.now() - startedMs;
const keeping = setInterval(() => {
  while (silent.size < silentCount) openSilent();
}, 50);
await pause(1_000);

const answered: number[] = [];
let lastAnswerMs = elapsedMs();
let longestGapMs = 0;
let failed = 0;
while (elapsedMs() < durationMs) {
  const calledMs = elapsedMs();
  try {
    const answer = await fetch(new URL('/healthz', url), {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(1_000),
    });
    await answer.arrayBuffer();
    answered.push(elapsedMs() - calledMs);
    lastAnswerMs = elapsedMs();
  } catch {
    failed += 1;
  }
  longestGapMs = Math.max(longestGapMs, elapsedMs() - lastAnswerMs);
  await pause(callEveryMs);
}
clearInterval(keeping);
for (const socket of silent) socket.destroy();
await Promise.all([...silent].map((socket) => once(socket, 'close')));

answered.sort((a, b) => a - b);
const p99 = answered[Math.floor(answered.length * 0.99)] ?? Number.NaN;
console.log(
  `answered ${answered.length}, p99 ${p99.toFixed(0)} ms; failed ${failed}; longest without an answer ${(longestGapMs / 1000).toFixed(1)} s`,
);
