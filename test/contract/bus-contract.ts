/** Owns what every bus promises, as one suite that is run on each of them. */

import { randomUUID } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type AgentBus, type Disposition, deliveriesMax, type ManagerBus } from '../../src/bus/bus.ts';
import type { Command, Heartbeat, Report, StopCommand } from '../../src/bus/messages.ts';
import { hasCode } from '../../src/errors.ts';
import { until } from '../support/wait.ts';

/** A bus of its own for one test. */
export type BusUnderTest = {
  clusterId: string;
  manager(managerId: string): ManagerBus;
  agent(node: string): AgentBus;
  close(): Promise<void>;
};

/** @param whyNot why this bus cannot be tested here, null when it can */
export function testBusContract(name: string, open: () => Promise<BusUnderTest>, whyNot: string | null = null): void {
  const test = suite(`bus contract: ${name}`);

  /** Each test gets a bus and leaves none behind, however it ends. */
  const promise = (sentence: string, body: (bus: BusUnderTest) => Promise<void>) => {
    if (whyNot !== null) return test.skip(sentence);
    return test(sentence, async () => {
      const bus = await open();
      try {
        await body(bus);
      } finally {
        await bus.close();
      }
    });
  };
  if (whyNot !== null) console.log(`skipped: ${whyNot}`);

  promise('a command reaches its node, and no other', async (bus) => {
    const manager = bus.manager('m1');
    const heard: string[] = [];
    for (const node of ['a', 'b']) {
      bus.agent(node).consumeCommands(async (command) => {
        heard.push(`${node}: ${stopOf(command).container}`);
        return 'ack';
      });
    }
    await manager.sendCommand(stop(bus, 'b', 1));
    await manager.sendCommand(stop(bus, 'a', 2));
    await until('both commands', () => heard.length === 2);
    assert.equal(heard.toSorted(), ['a: web.1-2', 'b: web.1-1']);
  });

  promise('what arrives equals what was sent and shares nothing with it', async (bus) => {
    const agent = bus.agent('a');
    const received: Report[] = [];
    bus.manager('m1').consumeReports(async (message) => {
      received.push(message);
      return 'ack';
    });
    const sent = failed(bus, 'a', ['first line']);
    await agent.sendReport(sent);
    await until('the report', () => received.length === 1);
    assert.equal(received[0], sent);
    sent.logTail.push('written after it was sent');
    assert.equal((received[0] as typeof sent).logTail, ['first line']);
  });

  promise('commands of a node arrive in order, one at a time', async (bus) => {
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
  });

  promise('of two agents of one node one gets every command; when it goes, the other goes on', async (bus) => {
    const manager = bus.manager('m1');
    const heard: string[] = [];
    const listen = async (name: string, positions: number[]) => {
      const agent = bus.agent('a');
      agent.consumeCommands(async (command) => {
        heard.push(`${name}: ${stopOf(command).position}`);
        return 'ack';
      });
      for (const position of positions) await manager.sendCommand(stop(bus, 'a', position));
      await until('its commands', () => heard.length >= positions.at(-1)!);
      return agent;
    };
    const first = await listen('first', [1]);
    await listen('second', [2, 3, 4]);
    await first.close();
    await manager.sendCommand(stop(bus, 'a', 5));
    await until('the last', () => heard.length === 5);
    assert.equal(heard, ['first: 1', 'first: 2', 'first: 3', 'first: 4', 'second: 5']);
  });

  promise(
    'a refusal reaches the instance it is for, also while another reads the commands of the node',
    async (bus) => {
      const manager = bus.manager('m1');
      const [holder, claimant, other] = ['a', 'a', 'b'].map((node) => bus.agent(node));
      const ids = [randomUUID(), randomUUID(), randomUUID()] as const;
      const heard: string[] = [];
      const listen = (agent: AgentBus, name: string, instanceId: string) =>
        agent.consumeRefusals(instanceId, async (refusal) => {
          heard.push(`${name}: ${refusal.registrationId}`);
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
      await until('the refusal', () => heard.length > 0);
      await manager.sendCommand(stop(bus, 'a', 1));
      assert.equal(heard, [`claimant: ${registrationId}`]);
    },
  );

  promise('commands sent before the agent listens wait for it', async (bus) => {
    const manager = bus.manager('m1');
    for (const position of [1, 2, 3]) await manager.sendCommand(stop(bus, 'late', position));
    const positions: number[] = [];
    bus.agent('late').consumeCommands(async (command) => {
      positions.push(stopOf(command).position);
      return 'ack';
    });
    await until('three commands', () => positions.length === 3);
    assert.equal(positions, [1, 2, 3]);
  });

  promise('a handler that asks for a retry, or throws, gets the message again before the next one', async (bus) => {
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
  });

  promise('a message that keeps failing is dead-lettered with its reason, and the rest goes on', async (bus) => {
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
  });

  promise('a message dead-lettered by its handler is not shown again', async (bus) => {
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
  });

  promise('an agent can dead-letter a command too', async (bus) => {
    const manager = bus.manager('m1');
    bus.agent('a').consumeCommands(async () => ({ deadLetter: 'makes no sense' }));
    await manager.sendCommand(stop(bus, 'a', 7));
    const deadLetter = await until(
      'the dead letter of the command',
      async () => (await manager.readDeadLetters(10))[0],
    );
    assert.is(JSON.parse(deadLetter.body).position, 7);
    assert.is(deadLetter.routingKey, 'node.a');
  });

  promise('foreign messages and messages that break their schema are dead-lettered, unseen', async (bus) => {
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
    await agent.sendReport(running(bus, 'somebody-else', 1));
    await agent.sendReport(running(bus, 'a', 1));
    await until('the one good report', () => seen.length === 1);
    const deadLetters = await until('four dead letters', async () => {
      const all = await manager.readDeadLetters(10);
      return all.length === 4 ? all : null;
    });
    const reasons = deadLetters.map(({ reason }) => reason).toSorted();
    assert.match(reasons[0] ?? '', /not as its schema says: \/startedAt/);
    assert.is(reasons[1], 'of an unknown kind');
    assert.is(reasons[2], 'of another cluster');
    assert.match(reasons[3] ?? '', /of node somebody-else, sent as report.a/);
    assert.equal(seen, ['a']);
  });

  promise('closing a consumer waits for its handlers and leaves the rest to the next consumer', async (bus) => {
    const manager = bus.manager('m1');
    const agent = bus.agent('a');
    const gate = Promise.withResolvers<void>();
    const finished: number[] = [];
    const first = manager.consumeReports(
      async (report) => {
        await gate.promise;
        finished.push(sequenceOf(report));
        return 'ack';
      },
      { prefetch: 2 },
    );
    const started = agent.sendReport(running(bus, 'a', 1));
    for (const sequence of [2, 3, 4]) await agent.sendReport(running(bus, 'a', sequence));
    await started;
    const closing = first.close();
    gate.resolve();
    await closing;
    const after = finished.length;
    assert.ok(after <= 2, 'no more than the prefetch was taken');
    const rest: number[] = [];
    manager.consumeReports(async (report) => {
      rest.push(sequenceOf(report));
      return 'ack';
    });
    await until('the rest', () => after + rest.length === 4);
    assert.is(finished.length, after, 'a closed consumer gets nothing any more');
    assert.equal(rest, [1, 2, 3, 4].slice(after));
  });

  promise('a message whose handler does not end is given to the next consumer', async (bus) => {
    const manager = bus.manager('m1');
    const stuck = manager.consumeReports(() => new Promise<never>(() => {}));
    const report = running(bus, 'a', 1);
    await bus.agent('a').sendReport(report);
    await stuck.close();
    const seen: string[] = [];
    manager.consumeReports(async ({ reportId }) => {
      seen.push(reportId);
      return 'ack';
    });
    await until('the report', () => seen.length === 1);
    assert.equal(seen, [report.reportId]);
  });

  promise('a message waiting for its next try does not hold up the closing of its consumer', async (bus) => {
    const manager = bus.manager('m1');
    let tries = 0;
    const consumer = manager.consumeReports(async () => {
      tries += 1;
      return 'retry';
    });
    await bus.agent('a').sendReport(running(bus, 'a', 1));
    await until('the third try', () => tries === 3);
    const startedMs = performance.now();
    await consumer.close();
    assert.ok(performance.now() - startedMs < 1_000);
    let isSeen = false;
    manager.consumeReports(async () => {
      isSeen = true;
      return 'ack';
    });
    await until('the report', () => isSeen);
    assert.equal(await manager.readDeadLetters(10), []);
  });

  promise('reports are handled many at once, up to the prefetch', async (bus) => {
    const manager = bus.manager('m1');
    const agent = bus.agent('a');
    const gate = Promise.withResolvers<void>();
    let atOnce = 0;
    let atOnceMost = 0;
    let done = 0;
    manager.consumeReports(
      async () => {
        atOnce += 1;
        atOnceMost = Math.max(atOnceMost, atOnce);
        await gate.promise;
        atOnce -= 1;
        done += 1;
        return 'ack';
      },
      { prefetch: 10 },
    );
    await Promise.all(Array.from({ length: 25 }, (_, index) => agent.sendReport(running(bus, 'a', index + 1))));
    await until('ten at once', () => atOnce === 10);
    gate.resolve();
    await until('all of them', () => done === 25);
    assert.is(atOnceMost, 10);
  });

  promise('one manager takes the reports; when it goes, the other goes on', async (bus) => {
    const [m1, m2] = [bus.manager('m1'), bus.manager('m2')];
    const agent = bus.agent('a');
    const seen: string[] = [];
    const listen = (manager: ManagerBus, id: string) =>
      manager.consumeReports(async (report) => {
        seen.push(`${id}: ${sequenceOf(report)}`);
        return 'ack';
      });
    listen(m1, 'm1');
    await agent.sendReport(running(bus, 'a', 1));
    await until('the first', () => seen.length === 1);
    listen(m2, 'm2');
    await agent.sendReport(running(bus, 'a', 2));
    await until('the second', () => seen.length === 2);
    await m1.close();
    await agent.sendReport(running(bus, 'a', 3));
    await until('the third', () => seen.length === 3);
    assert.equal(seen, ['m1: 1', 'm1: 2', 'm2: 3']);
  });

  promise('every manager hears every heartbeat of its cluster, and no foreign one', async (bus) => {
    const managers = [bus.manager('m1'), bus.manager('m2')];
    const agent = bus.agent('a');
    const heard = managers.map((manager) => {
      const sequences: number[] = [];
      manager.consumeHeartbeats(({ sequence }) => sequences.push(sequence));
      return sequences;
    });
    let sequence = 0;
    await until('both to hear', () => {
      sequence += 1;
      agent.sendHeartbeat(beat(bus, 'a', sequence));
      return heard.every(({ length }) => length > 0);
    });
    const last = sequence + 1_000_000;
    agent.sendHeartbeat({ ...beat(bus, 'a', last - 2), clusterId: randomUUID() });
    agent.sendHeartbeat({ ...beat(bus, 'a', last - 1), node: 'somebody-else' });
    agent.sendHeartbeat(beat(bus, 'a', last));
    await until('the last', () => heard.every((sequences) => sequences.at(-1) === last));
    for (const sequences of heard) {
      assert.ok(!sequences.includes(last - 2) && !sequences.includes(last - 1));
      assert.equal(
        sequences,
        sequences.toSorted((a, b) => a - b),
      );
    }
    assert.equal(await managers[0]?.readDeadLetters(10), [], 'heartbeats are never dead-lettered');
  });

  promise('a heartbeat consumer that was closed hears nothing, others go on', async (bus) => {
    const manager = bus.manager('m1');
    const agent = bus.agent('a');
    let heard = 0;
    const consumer = manager.consumeHeartbeats(() => {
      heard += 1;
    });
    await until('a heartbeat', () => {
      agent.sendHeartbeat(beat(bus, 'a', 1));
      return heard > 0;
    });
    await consumer.close();
    const before = heard;
    let again = 0;
    manager.consumeHeartbeats(() => {
      again += 1;
    });
    await until('the next consumer', () => {
      agent.sendHeartbeat(beat(bus, 'a', 2));
      return again > 0;
    });
    assert.is(heard, before);
  });

  promise('a message beyond the size bound is refused to its sender', async (bus) => {
    const tail = Array.from({ length: 4_000_000 }, () => 'long');
    try {
      await bus.agent('a').sendReport(failed(bus, 'a', tail));
      assert.unreachable();
    } catch (error) {
      assert.ok(hasCode(error, 'message_too_large'), String(error));
    }
  });

  promise('a wanted set of thousands of containers fits', async (bus) => {
    const spec = {
      name: 'web',
      image: 'nginx',
      command: null,
      args: null,
      env: [{ name: 'FILLER', value: 'x'.repeat(500) }],
      ports: [],
      labels: [],
      resources: { memoryBytes: null, cpuMillis: null },
      stopTimeoutSeconds: 10,
    };
    const run = { service: 'web', generation: 1, specHash: '0123456789abcdef', causationId: 'fact' };
    const { container: _none, stopTimeoutSeconds: _no, ...head } = stop(bus, 'a', 9);
    const wanted: Command = {
      ...head,
      kind: 'wanted',
      registrationId: null,
      containers: Array.from({ length: 8_000 }, (_, index) => ({
        ...run,
        container: `web.${index + 1}-9`,
        slot: index + 1,
        state: 'running' as const,
      })),
      specs: [{ specHash: run.specHash, spec }],
    };
    const seen: Command[] = [];
    bus.agent('a').consumeCommands(async (command) => {
      seen.push(command);
      return 'ack';
    });
    await bus.manager('m1').sendCommand(wanted);
    await until('the wanted set', () => seen.length === 1);
    assert.equal(seen[0], wanted);
  });

  promise('a connected end says so at once, and says how it is kept', async (bus) => {
    for (const end of [bus.manager('m1'), bus.agent('a')]) {
      let connects = 0;
      const unsubscribe = end.onConnected(() => {
        connects += 1;
      });
      await until('connected', () => connects === 1);
      unsubscribe();
      const status = end.status();
      assert.is(status.state, 'connected');
      assert.is(status.trouble, null);
      assert.ok(status.description.length > 0);
      assert.not.match(status.description, /:[^/]*@/);
    }
  });

  promise('a closed end refuses to send and its status says closed', async (bus) => {
    const manager = bus.manager('m1');
    const agent = bus.agent('a');
    await manager.close();
    await agent.close();
    for (const attempt of [
      () => manager.sendCommand(stop(bus, 'a', 1)),
      () => agent.sendReport(running(bus, 'a', 1)),
    ]) {
      const error = await attempt().then(
        () => null,
        (reason: unknown) => reason,
      );
      assert.ok(hasCode(error, 'bus_closed'), String(error));
    }
    agent.sendHeartbeat(beat(bus, 'a', 1));
    assert.is(manager.status().state, 'closed');
    assert.is(agent.status().state, 'closed');
    await manager.close();
  });

  test.run();
}

const at = '2026-01-01T00:00:00.000Z';

export const stop = ({ clusterId }: { clusterId: string }, node: string, position: number): StopCommand => ({
  kind: 'stop',
  clusterId,
  node,
  session: 1,
  position,
  causationId: 'fact',
  container: `web.1-${position.toString(36)}`,
  stopTimeoutSeconds: 10,
});

const reportHead = (clusterId: string, node: string) => ({
  clusterId,
  node,
  reportId: randomUUID(),
  at,
  session: 1,
  container: 'web.1-1',
  causationId: null,
});

/** `sequence` travels as the host port, so that tests can tell reports apart. */
export const running = ({ clusterId }: { clusterId: string }, node: string, sequence: number) => ({
  ...reportHead(clusterId, node),
  kind: 'running' as const,
  engineContainerId: 'engine-id',
  startedAt: at,
  ports: [{ container: 80, host: sequence, protocol: 'tcp' as const }],
});

export function sequenceOf(report: Report): number {
  if (report.kind !== 'running') throw new Error(`not a running report: ${report.kind}`);
  return report.ports[0]?.host ?? 0;
}

const failed = ({ clusterId }: { clusterId: string }, node: string, logTail: string[]) => ({
  ...reportHead(clusterId, node),
  kind: 'failed' as const,
  reason: 'exited' as const,
  message: 'it ended',
  exitCode: 1,
  logTail,
});

export const beat = ({ clusterId }: { clusterId: string }, node: string, sequence: number): Heartbeat => ({
  clusterId,
  node,
  session: 1,
  sequence,
  sentAt: at,
  containers: 0,
});

function stopOf(command: Command): StopCommand {
  if (command.kind !== 'stop') throw new Error(`not a stop: ${command.kind}`);
  return command;
}
