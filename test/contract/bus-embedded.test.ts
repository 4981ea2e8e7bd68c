/** The bus contract on the broker inside the process. */

import { randomUUID } from 'node:crypto';
import { createEmbeddedBroker } from '../../src/bus/embedded/embedded-bus.ts';
import { silentLogger } from '../../src/logger.ts';
import { testBusContract } from './bus/bus-contract.ts';

testBusContract('embedded', async () => {
  const clusterId = randomUUID();
  return { clusterId, ...createEmbeddedBroker({ clusterId, logger: silentLogger }) };
});
