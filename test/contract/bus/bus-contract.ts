/** What every bus has to do, by topic. Runs on each implementation. */

import { suite } from 'uvu';
import type { BusContract, BusUnderTest } from './bus-under-test.ts';
import { closingContract } from './closing.ts';
import { commandsContract } from './commands.ts';
import { deadLettersContract } from './dead-letters.ts';
import { heartbeatsContract } from './heartbeats.ts';
import { reportsContract } from './reports.ts';
import { statusAndSizeContract } from './status-and-size.ts';
import { streamsContract } from './streams.ts';

const contracts: Record<string, BusContract> = {
  commands: commandsContract,
  reports: reportsContract,
  heartbeats: heartbeatsContract,
  'dead letters': deadLettersContract,
  closing: closingContract,
  'status and size': statusAndSizeContract,
  streams: streamsContract,
};

/** @param whyNot why this bus cannot be tested here, null when it can */
export function testBusContract(name: string, open: () => Promise<BusUnderTest>, whyNot: string | null = null): void {
  if (whyNot !== null) console.log(`skipped: ${whyNot}`);
  for (const [topic, contract] of Object.entries(contracts)) {
    const test = suite(`bus contract: ${name}: ${topic}`);
    for (const [sentence, body] of Object.entries(contract)) {
      if (whyNot !== null) test.skip(sentence);
      else {
        test(sentence, async () => {
          const bus = await open();
          try {
            await body(bus);
          } finally {
            await bus.close();
          }
        });
      }
    }
    test.run();
  }
}
