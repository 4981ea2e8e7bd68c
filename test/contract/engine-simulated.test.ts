/** The engine contract on the simulated machine. */

import { randomUUID } from 'node:crypto';
import { createSimulatedMachine, missingImagePrefix } from '../../src/agent/simulated/simulated-engine.ts';
import { systemClock } from '../../src/clock.ts';
import { testEngineContract } from './engine-contract.ts';

testEngineContract('simulated', async () => {
  const machine = createSimulatedMachine({ clock: systemClock });
  const clusterId = randomUUID();
  return {
    kind: 'simulated',
    engine: (node) => machine.engine({ clusterId, clusterName: 'test', node }),
    image: 'any',
    missingImage: `${missingImagePrefix}one`,
    kill: async (container) => machine.kill(container, 137),
    close: async () => {},
  };
});
