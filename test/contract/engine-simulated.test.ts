/** The engine contract on the simulated machine. */

import { randomUUID } from 'node:crypto';
import { createSimulatedMachine, missingImagePrefix } from '../../src/agent/simulated/simulated-engine.ts';
import { systemClock } from '../../src/clock.ts';
import { type EngineUnderTest, testEngineContract } from './engine-contract.ts';
import { testEngineStreamsContract } from './engine-streams-contract.ts';

const open = async (): Promise<EngineUnderTest> => {
  const machine = createSimulatedMachine({ clock: systemClock });
  const clusterId = randomUUID();
  return {
    kind: 'simulated',
    engine: (node) => machine.engine({ clusterId, clusterName: 'test', node }),
    image: 'any',
    missingImage: `${missingImagePrefix}one`,
    kill: async (container) => machine.kill(container, 137),
    print: async (container, text) => machine.print(container, text),
    close: async () => {},
  };
};

testEngineContract('simulated', open);
testEngineStreamsContract('simulated', open);
