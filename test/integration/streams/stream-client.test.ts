/** A manager's streams and an agent's, over each bus: what they carry, and how they end when one side goes away. */

import { randomUUID } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulatedMachine, type SimulatedMachine } from '../../../src/agent/simulated/simulated-engine.ts';
import { type AgentStreams, createAgentStreams } from '../../../src/agent/streams/agent-streams.ts';
import { systemClock } from '../../../src/clock.ts';
import { hasCode } from '../../../src/errors.ts';
import { silentLogger } from '../../../src/logger.ts';
import type { ClientStream } from '../../../src/streams/client-stream.ts';
import { createStreamClient, type StreamClient } from '../../../src/streams/stream-client.ts';
import { openAmqpBuses, openEmbeddedBuses, streamNode } from '../../support/bus/stream-buses.ts';
import { spec, specHashOf } from '../../support/log/history.ts';
import { whyNoRabbit } from '../../support/servers/rabbit.ts';
import { until } from '../../support/wait.ts';

const node = streamNode;
const container = 'web.1-a';
const target = { node, container };
const never = new AbortController().signal;

type Scene = {
  machine: SimulatedMachine;
  client: StreamClient;
  streams: AgentStreams;
  /** As if the process of the agent were killed, and another one began. */
  restartAgent(): Promise<void>;
};

function testStreams(name: string, open: typeof openEmbeddedBuses, whyNot: string | null) {
  const test = suite(`streams over ${name}`);
  const scene = (sentence: string, body: (scene: Scene) => Promise<void>) => {
    if (whyNot !== null) return test.skip(sentence);
    test(sentence, async () => {
      const clusterId = randomUUID();
      const buses = await open(clusterId);
      const machine = createSimulatedMachine({ clock: systemClock });
      const engine = machine.engine({ clusterId, clusterName: 'test', node });
      const requested = spec({});
      const identity = { container, service: 'web', slot: 1, generation: 1, specHash: specHashOf(requested) };
      await engine.create({ ...identity, spec: requested, image: requested.image, env: [] });
      await engine.start(container);
      const startAgent = () => {
        const bus = buses.agent();
        const deps = { bus, engine, clock: systemClock, logger: silentLogger, specOf: () => requested };
        const streams = createAgentStreams(deps, { clusterId, node });
        bus.consumeStreamRequests(streams.handle);
        return { bus, streams };
      };
      let agent = startAgent();
      const killed: AgentStreams[] = [];
      const client = createStreamClient(
        { bus: buses.manager, clock: systemClock, isHeardSince: () => false },
        { clusterId, managerId: 'm1' },
      );
      try {
        await body({
          ...{ machine, client, streams: agent.streams },
          async restartAgent() {
            killed.push(agent.streams);
            await agent.bus.close();
            agent = startAgent();
          },
        });
      } finally {
        client.close();
        for (const streams of [...killed, agent.streams]) await streams.close();
        await agent.bus.close();
        await buses.close();
      }
    });
  };

  const logs = (follow: boolean, tail: number | null = 0) => ({
    kind: 'logs' as const,
    options: { follow, tail, since: null },
  });

  scene(
    'many followers get every line, in order, and one that does not read holds up none',
    async ({ client, machine }) => {
      const idle = await client.open(target, logs(true, null), never);
      const followers = await Promise.all(
        Array.from({ length: 20 }, () => client.open(target, logs(true, null), never)),
      );
      const read = followers.map(collect);
      const wanted = Array.from({ length: 300 }, (_, index) => `${index} ${'x'.repeat(2_000)}`);
      for (let start = 0; start < wanted.length; start += 10) {
        machine.print(container, `${wanted.slice(start, start + 10).join('\n')}\n`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      await until('all lines at all', () => read.every(({ texts }) => texts.length === wanted.length), 30_000);
      for (const { texts } of read) assert.equal(texts, wanted);
      machine.kill(container, 0);
      await until('the end of all', () => read.every(({ isOver }) => isOver()));
      assert.equal((await collect(idle).over).length, 300, 'what it did not read waited for it');
    },
  );

  scene('a command gets more input than fits at once, and gives it back whole', async ({ client }) => {
    const options = { command: ['cat'], tty: false, stdin: true, size: null };
    const stream = await client.open(target, { kind: 'exec', options }, never);
    const input = Buffer.alloc(1024 * 1024, 'abcdefg\n');
    const sent = stream.write(input).then(() => stream.endInput());
    const received: Buffer[] = [];
    for await (const chunk of stream.chunks()) {
      if (chunk.kind === 'output') received.push(Buffer.from(chunk.bytes, 'base64'));
    }
    await sent;
    assert.ok(Buffer.concat(received).equals(input));
    assert.is(stream.exitCode(), 0);
  });

  scene('a stream of an agent that was restarted ends with that as the reason', async ({ client, restartAgent }) => {
    const { over } = collect(await client.open(target, logs(true), never));
    await restartAgent();
    const error = await over.then(
      () => null,
      (reason: unknown) => reason,
    );
    assert.ok(hasCode(error, 'stream_broken'), String(error));
    const again = await client.open(target, logs(false), never);
    assert.equal(await collect(again).over, []);
  });

  scene('a client that leaves ends its stream at the agent, and others go on', async ({ client, machine }) => {
    const leaving = new AbortController();
    const left = collect(await client.open(target, logs(true), leaving.signal));
    const stays = collect(await client.open(target, logs(true), never));
    leaving.abort(new Error('gone'));
    await left.over.catch(() => {});
    await until('a line', () => {
      machine.print(container, 'on\n');
      return stays.texts.length > 0;
    });
  });

  test.run();
}

function collect(stream: ClientStream) {
  const texts: string[] = [];
  let isOver = false;
  const over = (async () => {
    for await (const chunk of stream.chunks()) {
      if (chunk.kind === 'lines')
        texts.push(...chunk.lines.map(({ text }) => text).filter((text) => !text.startsWith('simulated')));
    }
    return texts;
  })();
  over
    .catch(() => {})
    .finally(() => {
      isOver = true;
    });
  return { texts, over, isOver: () => isOver };
}

testStreams('the embedded bus', openEmbeddedBuses, null);
const whyNot = await whyNoRabbit();
if (whyNot !== null) console.log(`skipped: ${whyNot}`);
testStreams('rabbitmq', openAmqpBuses, whyNot);
