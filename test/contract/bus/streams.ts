/** The messages of streams: to the one agent of a node, back to the manager that asked, in order, and to nobody else. */

import { randomUUID } from 'node:crypto';
import * as assert from 'uvu/assert';
import type { StreamAnswer, StreamRequest } from '../../../src/bus/stream-messages.ts';
import { hasCode } from '../../../src/errors.ts';
import { heartbeat } from '../../support/bus/bus-messages.ts';
import { until } from '../../support/wait.ts';
import type { BusContract } from './bus-under-test.ts';

type Sender = { clusterId: string };

const streamId = randomUUID();

function opening({ clusterId }: Sender, node: string, manager: string): StreamRequest {
  const options = { follow: true, tail: 10, since: null };
  const ask = { kind: 'logs' as const, options };
  return { kind: 'open', clusterId, node, manager, streamId, sequence: 1, container: 'web.1-4', ask, credit: 1000 };
}

function closingOf({ clusterId }: Sender, node: string, sequence: number): StreamRequest {
  return { kind: 'close', clusterId, node, streamId, sequence };
}

function line({ clusterId }: Sender, node: string, manager: string, sequence: number): StreamAnswer {
  const lines = [{ at: '2026-01-01T00:00:00.000Z', output: 'stdout' as const, text: `line ${sequence}` }];
  return { kind: 'lines', clusterId, node, manager, streamId, sequence, lines };
}

export const streamsContract: BusContract = {
  'requests reach the agent of their node in order, and no other': async (bus) => {
    const manager = bus.manager('m1');
    const received: string[] = [];
    for (const node of ['a', 'b']) {
      bus.agent(node).consumeStreamRequests((request) => received.push(`${node}: ${request.kind}`));
    }
    await manager.sendStreamRequest(opening(bus, 'b', 'm1'));
    for (let sequence = 2; sequence <= 40; sequence += 1)
      await manager.sendStreamRequest(closingOf(bus, 'b', sequence));
    await until('all requests', () => received.length === 40);
    assert.equal(received, ['b: open', ...Array.from({ length: 39 }, () => 'b: close')]);
  },

  'answers reach the manager they are for, in order, and no other': async (bus) => {
    const received: string[] = [];
    for (const manager of ['m1', 'm2']) {
      bus.manager(manager).consumeStreamAnswers({ node: 'a', address: manager }, (answer) => {
        received.push(`${manager}: ${'sequence' in answer ? answer.sequence : answer.kind}`);
      });
    }
    const agent = bus.agent('a');
    const sequences = Array.from({ length: 200 }, (_, index) => index + 1);
    await agent.sendStreamAnswer(line(bus, 'a', 'm2', 1));
    for (const sequence of sequences.slice(1)) await agent.sendStreamAnswer(line(bus, 'a', 'm2', sequence));
    await until('all answers', () => received.length >= sequences.length);
    assert.equal(
      received,
      sequences.map((sequence) => `m2: ${sequence}`),
    );
  },

  'an answer to a manager that reads no streams of the node is refused to the agent': async (bus) => {
    const agent = bus.agent('a');
    const manager = bus.manager('m1');
    const received: string[] = [];
    const consumer = manager.consumeStreamAnswers({ node: 'a', address: 'm1' }, ({ kind }) => received.push(kind));
    await agent.sendStreamAnswer(line(bus, 'a', 'm1', 1));
    await until('the answer', () => received.length === 1);
    await consumer.close();
    const error = await agent.sendStreamAnswer(line(bus, 'a', 'm1', 2), { deadlineMs: 500 }).catch((reason) => reason);
    assert.ok(hasCode(error, 'bus_unavailable'), String(error));
    assert.equal(received, ['lines']);
  },

  'an answer in the name of another node, and one that breaks its schema, reaches nobody': async (bus) => {
    const manager = bus.manager('m1');
    const received: string[] = [];
    for (const node of ['a', 'b']) {
      manager.consumeStreamAnswers({ node, address: 'm1' }, (answer) => received.push(`${node}: ${answer.kind}`));
    }
    const agent = bus.agent('a');
    await agent.sendStreamAnswer({ ...line(bus, 'b', 'm1', 1) }).catch(() => {});
    await agent.sendStreamAnswer({ ...line(bus, 'a', 'm1', 1), kind: 'shouts' } as unknown as StreamAnswer);
    await agent.sendStreamAnswer({ ...line(bus, 'a', 'm1', 1), clusterId: randomUUID() });
    await agent.sendStreamAnswer({
      kind: 'opened',
      clusterId: bus.clusterId,
      node: 'a',
      manager: 'm1',
      streamId,
      sequence: 1,
    });
    await until('the good one', () => received.length > 0);
    assert.equal(received, ['a: opened']);
    assert.equal(await manager.readDeadLetters(10), [], 'streams leave no dead letters');
  },

  'requests for a node whose agent is away are kept within a bound, and commands go on beside them': async (bus) => {
    const manager = bus.manager('m1');
    for (let sequence = 1; sequence <= 20; sequence += 1)
      await manager.sendStreamRequest(closingOf(bus, 'late', sequence));
    const received: number[] = [];
    bus.agent('late').consumeStreamRequests((request) => received.push('sequence' in request ? request.sequence : 0));
    await until('what waited', () => received.length === 20);
    assert.equal(
      received,
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
  },

  'heartbeats arrive while streams carry what they can': async (bus) => {
    const manager = bus.manager('m1');
    const agent = bus.agent('a');
    let heard = 0;
    let lines = 0;
    manager.consumeHeartbeats(() => {
      heard += 1;
    });
    manager.consumeStreamAnswers({ node: 'a', address: 'm1' }, () => {
      lines += 1;
    });
    let isOver = false;
    const text = 'x'.repeat(16_000);
    const flood = async (offset: number) => {
      for (let sequence = offset; !isOver; sequence += 1) {
        const answer = line(bus, 'a', 'm1', sequence) as Extract<StreamAnswer, { kind: 'lines' }>;
        await agent.sendStreamAnswer({ ...answer, lines: [{ ...answer.lines[0]!, text }] });
        await new Promise(setImmediate);
      }
    };
    const floods = Array.from({ length: 20 }, (_, index) => flood(index + 1));
    await until('the flood', () => lines > 200);
    const before = heard;
    await until('heartbeats beside it', () => {
      agent.sendHeartbeat(heartbeat(bus, 'a', 1));
      return heard > before + 5;
    });
    isOver = true;
    await Promise.all(floods);
  },
};
