/** Reports: what arrives, how many at once, and at which manager. */

import * as assert from 'uvu/assert';
import type { ManagerBus } from '../../../src/bus/bus.ts';
import type { Report } from '../../../src/bus/messages.ts';
import { failed, running, sequenceOf } from '../../support/bus/bus-messages.ts';
import { until } from '../../support/wait.ts';
import type { BusContract } from './bus-under-test.ts';

export const reportsContract: BusContract = {
  'a received report equals the sent one and shares nothing with it': async (bus) => {
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
  },

  'reports are handled concurrently, up to the prefetch': async (bus) => {
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
  },

  'one manager consumes the reports, and when it closes, the other one does': async (bus) => {
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
  },
};
