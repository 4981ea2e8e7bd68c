/** Retries and dead letters: what becomes of a message that its handler does not acknowledge. */

import { randomUUID } from 'node:crypto';
import * as assert from 'uvu/assert';
import { type Disposition, deliveriesMax } from '../../../src/bus/bus.ts';
import type { Report } from '../../../src/bus/messages.ts';
import { running, stop, stopOf } from '../../support/bus/bus-messages.ts';
import { until } from '../../support/wait.ts';
import type { BusContract } from './bus-under-test.ts';

export const deadLettersContract: BusContract = {
  'a handler that asks for a retry, or throws, gets the message again before the next one': async (bus) => {
    const manager = bus.manager('m1');
    const seen: number[] = [];
    const answers: (() => Disposition)[] = [
      () => 'retry',
      () => {
        throw new Error('the handler fails');
      },
    ];
    bus.agent('a').consumeCommands(async (command) => {
      seen.push(stopOf(command).position);
      return answers.shift()?.() ?? 'ack';
    });
    await manager.sendCommand(stop(bus, 'a', 1));
    await manager.sendCommand(stop(bus, 'a', 2));
    await until('four deliveries', () => seen.length === 4);
    assert.equal(seen, [1, 1, 1, 2]);
  },

  'a message that keeps failing is dead-lettered with its reason, and the next one is handled': async (bus) => {
    const manager = bus.manager('m1');
    const poison = running(bus, 'a', 1);
    let tries = 0;
    const done: string[] = [];
    manager.consumeReports(async (report) => {
      if (report.reportId === poison.reportId) {
        tries += 1;
        throw new Error('this one never works');
      }
      done.push(report.reportId);
      return 'ack';
    });
    const agent = bus.agent('a');
    await agent.sendReport(poison);
    const next = running(bus, 'a', 2);
    await agent.sendReport(next);
    await until('the report behind it', () => done.length === 1);
    const deadLetter = await until(
      'the dead letter of the report',
      async () => (await manager.readDeadLetters(10))[0],
      20_000,
    );
    assert.is(tries, deliveriesMax);
    assert.match(deadLetter.reason, /tried 5 times.*this one never works/);
    assert.is(deadLetter.routingKey, 'report.a');
    assert.equal(JSON.parse(deadLetter.body), poison);
    assert.equal(await manager.readDeadLetters(10), [deadLetter], 'reading leaves it where it is');
  },

  'a message that its handler dead-letters is not delivered again': async (bus) => {
    const manager = bus.manager('m1');
    let tries = 0;
    manager.consumeReports(async () => {
      tries += 1;
      return { deadLetter: 'makes no sense' };
    });
    await bus.agent('a').sendReport(running(bus, 'a', 1));
    const deadLetter = await until('the dead letter of the report', async () => (await manager.readDeadLetters(10))[0]);
    assert.is(deadLetter.reason, 'makes no sense');
    assert.is(tries, 1);
  },

  'an agent can dead-letter a command': async (bus) => {
    const manager = bus.manager('m1');
    bus.agent('a').consumeCommands(async () => ({ deadLetter: 'makes no sense' }));
    await manager.sendCommand(stop(bus, 'a', 7));
    const deadLetter = await until(
      'the dead letter of the command',
      async () => (await manager.readDeadLetters(10))[0],
    );
    assert.is(JSON.parse(deadLetter.body).position, 7);
    assert.is(deadLetter.routingKey, 'node.a');
  },

  'foreign messages and messages that break their schema are dead-lettered and not given to a handler': async (bus) => {
    const manager = bus.manager('m1');
    const seen: string[] = [];
    manager.consumeReports(async (report) => {
      seen.push(report.node);
      return 'ack';
    });
    const agent = bus.agent('a');
    await agent.sendReport({ ...running(bus, 'a', 1), clusterId: randomUUID() });
    await agent.sendReport({ ...running(bus, 'a', 1), startedAt: 'yesterday' });
    await agent.sendReport({ ...running(bus, 'a', 1), kind: 'walking' } as unknown as Report);
    await agent.sendReport(running(bus, 'other-node', 1));
    await agent.sendReport(running(bus, 'a', 1));
    await until('the one good report', () => seen.length === 1);
    const deadLetters = await until('four dead letters', async () => {
      const all = await manager.readDeadLetters(10);
      return all.length === 4 ? all : null;
    });
    const reasons = deadLetters.map(({ reason }) => reason).toSorted();
    assert.match(reasons[0] ?? '', /does not match its schema: \/startedAt/);
    assert.is(reasons[1], 'from another cluster');
    assert.match(reasons[2] ?? '', /names node other-node, but was sent as report.a/);
    assert.is(reasons[3], 'unknown kind');
    assert.equal(seen, ['a']);
  },
};
