/** Closing: of a consumer with messages in hand, and of a bus. */

import * as assert from 'uvu/assert';
import { hasCode } from '../../../src/errors.ts';
import { heartbeat, running, sequenceOf, stop } from '../../support/bus/bus-messages.ts';
import { until } from '../../support/wait.ts';
import type { BusContract } from './bus-under-test.ts';

export const closingContract: BusContract = {
  'closing a consumer waits for its handlers and leaves the rest to the next consumer': async (bus) => {
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
  },

  'a message whose handler does not end is delivered to the next consumer': async (bus) => {
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
  },

  'a message waiting for its next try does not delay the closing of its consumer': async (bus) => {
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
  },

  'a closed bus refuses to send, and its status is closed': async (bus) => {
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
    agent.sendHeartbeat(heartbeat(bus, 'a', 1));
    assert.is(manager.status().state, 'closed');
    assert.is(agent.status().state, 'closed');
    await manager.close();
  },
};
