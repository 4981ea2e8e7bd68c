/** 100 followers of a container that prints without end delay nothing else, and take no more memory than they have credit for. */

import { randomUUID } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../../src/agent/engine/engine.ts';
import { createSimulatedMachine } from '../../../src/agent/simulated/simulated-engine.ts';
import { createAgentStreams } from '../../../src/agent/streams/agent-streams.ts';
import { systemClock } from '../../../src/clock.ts';
import { silentLogger } from '../../../src/logger.ts';
import { createStreamClient } from '../../../src/streams/stream-client.ts';
import { heartbeat, running, sequenceOf, stop, stopOf } from '../../support/bus/bus-messages.ts';
import {
  streamNode as node,
  openAmqpBuses,
  openEmbeddedBuses,
  type StreamBuses,
} from '../../support/bus/stream-buses.ts';
import { spec } from '../../support/log/history.ts';
import { whyNoRabbit } from '../../support/servers/rabbit.ts';
import { until } from '../../support/wait.ts';

const test = suite('followers');
const followersMax = 100;
/** They are connected and read nothing. */
const idleMax = 20;
const measureMs = 4_000;
/** Far above what is measured on a quiet machine (2–30 ms), far below what a command behind the streams would take. */
const delayMaxMs = 500;
const memoryMaxBytes = 128 * 1024 * 1024;

/** As Docker's log of a program that prints more than anyone can read. */
async function* printWithoutEnd(signal: AbortSignal): ReturnType<Engine['logs']> {
  const line = { at: '2026-01-01T00:00:00.000Z', output: 'stdout' as const, text: 'x'.repeat(1_000) };
  const batch = Array.from({ length: 64 }, () => line);
  while (!signal.aborted) yield batch;
}

async function openScene(buses: StreamBuses, clusterId: string) {
  const machine = createSimulatedMachine({ clock: systemClock });
  const simulated = machine.engine({ clusterId, clusterName: 'test', node });
  const engine: Engine = { ...simulated, logs: (_container, _options, { signal }) => printWithoutEnd(signal) };
  const agent = buses.agent();
  const deps = { bus: agent, engine, clock: systemClock, logger: silentLogger, specOf: () => spec({}) };
  const streams = createAgentStreams(deps, { clusterId, node });
  agent.consumeStreamRequests(streams.handle);
  const client = createStreamClient(
    { bus: buses.manager, clock: systemClock, isHeardSince: () => false },
    { clusterId, managerId: 'm1' },
  );
  return { agent, streams, client };
}

/** Sends a command and a report now and then, and a heartbeat. @returns the longest that one took */
async function measureDelays(buses: StreamBuses, agent: ReturnType<StreamBuses['agent']>, clusterId: string) {
  const sent = new Map<string, number>();
  const delays: number[] = [];
  let heard = 0;
  const arrived = (key: string) => {
    const sentMs = sent.get(key);
    if (sentMs !== undefined) delays.push(performance.now() - sentMs);
  };
  const consumers = [
    agent.consumeCommands(async (command) => {
      arrived(`command ${stopOf(command).position}`);
      return 'ack';
    }),
    buses.manager.consumeReports(async (report) => {
      arrived(`report ${sequenceOf(report)}`);
      return 'ack';
    }),
    buses.manager.consumeHeartbeats(() => {
      heard += 1;
    }),
  ];
  const from = { clusterId };
  await buses.manager.sendCommand(stop(from, node, 1));
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const endMs = performance.now() + measureMs;
  let sequence = 1;
  for (; performance.now() < endMs; sequence += 1) {
    sent.set(`command ${sequence + 1}`, performance.now());
    await buses.manager.sendCommand(stop(from, node, sequence + 1));
    sent.set(`report ${sequence}`, performance.now());
    await agent.sendReport(running(from, node, sequence));
    agent.sendHeartbeat(heartbeat(from, node, sequence));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await until('all of them', () => delays.length === 2 * (sequence - 1));
  for (const consumer of consumers) await consumer.close();
  delays.sort((a, b) => a - b);
  return { heard, count: sequence - 1, p95: delays[Math.floor(delays.length * 0.95)]!, max: delays.at(-1)! };
}

const memoryBytes = () => {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

function testFollowers(name: string, open: (clusterId: string) => Promise<StreamBuses>, whyNot: string | null) {
  const sentence = `100 followers of an endless print delay no command, report or heartbeat over ${name}`;
  if (whyNot !== null) return test.skip(sentence);
  test(sentence, async () => {
    const clusterId = randomUUID();
    const buses = await open(clusterId);
    const { agent, streams, client } = await openScene(buses, clusterId);
    const leaving = new AbortController();
    let bytes = 0;
    try {
      const quiet = await measureDelays(buses, agent, clusterId);
      const memoryBefore = memoryBytes();
      const options = { follow: true, tail: 0, since: null };
      const opened = await Promise.all(
        Array.from({ length: followersMax }, () =>
          client.open({ node, container: 'web.1-a' }, { kind: 'logs', options }, leaving.signal),
        ),
      );
      const received = opened.map(() => 0);
      const reading = opened.slice(idleMax).map(async (stream, index) => {
        for await (const chunk of stream.chunks()) {
          if (chunk.kind !== 'lines') continue;
          received[index]! += chunk.lines.length;
          bytes += chunk.lines.length * 1_000;
        }
      });
      const beganMs = performance.now();
      const busy = await measureDelays(buses, agent, clusterId);
      const rate = bytes / (performance.now() - beganMs) / 1_000;
      const grown = memoryBytes() - memoryBefore;
      leaving.abort(new Error('measured'));
      await Promise.allSettled(reading);
      const figures = `${rate.toFixed(1)} MB/s, ${(grown / 2 ** 20).toFixed(0)} MiB more, p95 ${quiet.p95.toFixed(1)} → ${busy.p95.toFixed(1)} ms`;
      console.log(`${name}: ${figures}, at most ${busy.max.toFixed(0)} ms`);
      assert.ok(busy.p95 < delayMaxMs, figures);
      assert.ok(busy.heard >= busy.count / 2, `${busy.heard} of ${busy.count} heartbeats`);
      assert.ok(grown < memoryMaxBytes, figures);
      assert.ok(rate < 10, 'the agent sends no more than its rate');
      const active = received.slice(0, followersMax - idleMax);
      assert.ok(
        Math.min(...active) > 0 && Math.min(...active) * 4 > Math.max(...active),
        `each has its share: ${active.join(' ')}`,
      );
    } finally {
      client.close();
      await streams.close();
      await agent.close();
      await buses.close();
    }
  });
}

testFollowers('the embedded bus', openEmbeddedBuses, null);
const whyNot = await whyNoRabbit();
if (whyNot !== null) console.log(`skipped: ${whyNot}`);
testFollowers('rabbitmq', openAmqpBuses, whyNot);

test.run();
