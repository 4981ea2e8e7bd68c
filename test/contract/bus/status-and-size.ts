/** The status of a connected bus, and how large a message may be. */

import * as assert from 'uvu/assert';
import type { Command } from '../../../src/bus/messages.ts';
import { hasCode } from '../../../src/errors.ts';
import { failed, stop } from '../../support/bus/bus-messages.ts';
import { until } from '../../support/wait.ts';
import type { BusContract } from './bus-under-test.ts';

export const statusAndSizeContract: BusContract = {
  'a connected bus notifies at once, and describes itself without a password': async (bus) => {
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
  },

  'a message larger than the bound is refused': async (bus) => {
    const tail = Array.from({ length: 4_000_000 }, () => 'long');
    try {
      await bus.agent('a').sendReport(failed(bus, 'a', tail));
      assert.unreachable();
    } catch (error) {
      assert.ok(hasCode(error, 'message_too_large'), String(error));
    }
  },

  'a command with thousands of desired containers fits': async (bus) => {
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
  },
};
