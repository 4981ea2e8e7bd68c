/** Commands and refusals: which agent gets them, and in which order. */

import { randomUUID } from 'node:crypto';
import * as assert from 'uvu/assert';
import type { AgentBus } from '../../../src/bus/bus.ts';
import { stop, stopOf } from '../../support/bus/bus-messages.ts';
import { until } from '../../support/wait.ts';
import type { BusContract } from './bus-under-test.ts';

export const commandsContract: BusContract = {
  'a command reaches its node, and no other': async (bus) => {
    const manager = bus.manager('m1');
    const received: string[] = [];
    for (const node of ['a', 'b']) {
      bus.agent(node).consumeCommands(async (command) => {
        received.push(`${node}: ${stopOf(command).container}`);
        return 'ack';
      });
    }
    await manager.sendCommand(stop(bus, 'b', 1));
    await manager.sendCommand(stop(bus, 'a', 2));
    await until('both commands', () => received.length === 2);
    assert.equal(received.toSorted(), ['a: web.1-2', 'b: web.1-1']);
  },

  'commands of a node arrive in order, one at a time': async (bus) => {
    const manager = bus.manager('m1');
    const positions: number[] = [];
    let atOnce = 0;
    let atOnceMost = 0;
    bus.agent('a').consumeCommands(async (command) => {
      atOnce += 1;
      atOnceMost = Math.max(atOnceMost, atOnce);
      await new Promise(setImmediate);
      positions.push(stopOf(command).position);
      atOnce -= 1;
      return 'ack';
    });
    const wanted = Array.from({ length: 300 }, (_, index) => index + 1);
    await Promise.all(wanted.map((position) => manager.sendCommand(stop(bus, 'a', position))));
    await until('all commands', () => positions.length === wanted.length);
    assert.equal(positions, wanted);
    assert.is(atOnceMost, 1);
  },

  'of two agents of one node one gets every command, and when it closes, the other one does': async (bus) => {
    const manager = bus.manager('m1');
    const received: string[] = [];
    const listen = async (name: string, positions: number[]) => {
      const agent = bus.agent('a');
      agent.consumeCommands(async (command) => {
        received.push(`${name}: ${stopOf(command).position}`);
        return 'ack';
      });
      for (const position of positions) await manager.sendCommand(stop(bus, 'a', position));
      await until('its commands', () => received.length >= positions.at(-1)!);
      return agent;
    };
    const first = await listen('first', [1]);
    await listen('second', [2, 3, 4]);
    await first.close();
    await manager.sendCommand(stop(bus, 'a', 5));
    await until('the last', () => received.length === 5);
    assert.equal(received, ['first: 1', 'first: 2', 'first: 3', 'first: 4', 'second: 5']);
  },

  'commands sent before the agent consumes them wait for it': async (bus) => {
    const manager = bus.manager('m1');
    for (const position of [1, 2, 3]) await manager.sendCommand(stop(bus, 'late', position));
    const positions: number[] = [];
    bus.agent('late').consumeCommands(async (command) => {
      positions.push(stopOf(command).position);
      return 'ack';
    });
    await until('three commands', () => positions.length === 3);
    assert.equal(positions, [1, 2, 3]);
  },

  'a refusal reaches its instance, also while another instance consumes the commands of the node': async (bus) => {
    const manager = bus.manager('m1');
    const [holder, claimant, other] = ['a', 'a', 'b'].map((node) => bus.agent(node));
    const ids = [randomUUID(), randomUUID(), randomUUID()] as const;
    const received: string[] = [];
    const listen = (agent: AgentBus, name: string, instanceId: string) =>
      agent.consumeRefusals(instanceId, async (refusal) => {
        received.push(`${name}: ${refusal.registrationId}`);
        return 'ack';
      });
    holder!.consumeCommands(async () => 'ack');
    listen(holder!, 'holder', ids[0]);
    listen(claimant!, 'claimant', ids[1]);
    listen(other!, 'other', ids[2]);
    const instance = { id: ids[0], pid: 1, startedAt: '2026-01-01T00:00:00.000Z' };
    const registrationId = randomUUID();
    await manager.sendRefusal({
      ...{ clusterId: bus.clusterId, node: 'a', instanceId: ids[1], registrationId },
      holder: { hostname: 'left', instance },
    });
    await until('the refusal', () => received.length > 0);
    await manager.sendCommand(stop(bus, 'a', 1));
    assert.equal(received, [`claimant: ${registrationId}`]);
  },
};
