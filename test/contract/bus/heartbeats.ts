/** Heartbeats: to every manager, and never dead-lettered. */

import { randomUUID } from 'node:crypto';
import * as assert from 'uvu/assert';
import { heartbeat } from '../../support/bus/bus-messages.ts';
import { until } from '../../support/wait.ts';
import type { BusContract } from './bus-under-test.ts';

export const heartbeatsContract: BusContract = {
  'an agent learns that the broker has a heartbeat, also while no manager listens': async (bus) => {
    const [manager, agent] = [bus.manager('m1'), bus.agent('a')];
    await until('both are connected', () => [manager, agent].every((end) => end.status().state === 'connected'));
    const taken: number[] = [];
    for (const sequence of [1, 2]) agent.sendHeartbeat(heartbeat(bus, 'a', sequence), () => taken.push(sequence));
    await until('both are taken', () => taken.length === 2);
    assert.equal(taken, [1, 2]);
  },
  'every manager gets every heartbeat of its cluster, and no foreign one': async (bus) => {
    const managers = [bus.manager('m1'), bus.manager('m2')];
    const agent = bus.agent('a');
    const received = managers.map((manager) => {
      const sequences: number[] = [];
      manager.consumeHeartbeats(({ sequence }) => sequences.push(sequence));
      return sequences;
    });
    let sequence = 0;
    await until('both to hear', () => {
      sequence += 1;
      agent.sendHeartbeat(heartbeat(bus, 'a', sequence));
      return received.every(({ length }) => length > 0);
    });
    const last = sequence + 1_000_000;
    agent.sendHeartbeat({ ...heartbeat(bus, 'a', last - 2), clusterId: randomUUID() });
    agent.sendHeartbeat({ ...heartbeat(bus, 'a', last - 1), node: 'other-node' });
    agent.sendHeartbeat(heartbeat(bus, 'a', last));
    await until('the last', () => received.every((sequences) => sequences.at(-1) === last));
    for (const sequences of received) {
      assert.ok(!sequences.includes(last - 2) && !sequences.includes(last - 1));
      assert.equal(
        sequences,
        sequences.toSorted((a, b) => a - b),
      );
    }
    assert.equal(await managers[0]?.readDeadLetters(10), [], 'heartbeats are never dead-lettered');
  },

  'a closed consumer of heartbeats gets none, and another one does': async (bus) => {
    const manager = bus.manager('m1');
    const agent = bus.agent('a');
    let received = 0;
    const consumer = manager.consumeHeartbeats(() => {
      received += 1;
    });
    await until('a heartbeat', () => {
      agent.sendHeartbeat(heartbeat(bus, 'a', 1));
      return received > 0;
    });
    await consumer.close();
    const before = received;
    let again = 0;
    manager.consumeHeartbeats(() => {
      again += 1;
    });
    await until('the next consumer', () => {
      agent.sendHeartbeat(heartbeat(bus, 'a', 2));
      return again > 0;
    });
    assert.is(received, before);
  },
};
