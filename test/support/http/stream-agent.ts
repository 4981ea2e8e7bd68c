/** An agent that answers streams and nothing else, for tests of a manager's HTTP side: its container runs on a simulated engine. */

import type { Engine } from '../../../src/agent/engine/engine.ts';
import { createSimulatedMachine, type SimulatedMachine } from '../../../src/agent/simulated/simulated-engine.ts';
import { createAgentStreams } from '../../../src/agent/streams/agent-streams.ts';
import { createEmbeddedBroker, type EmbeddedBroker } from '../../../src/bus/embedded/embedded-bus.ts';
import { systemClock } from '../../../src/clock.ts';
import { silentLogger } from '../../../src/logger.ts';
import { spec, specHashOf } from '../log/history.ts';

export type StreamAgent = {
  machine: SimulatedMachine;
  broker: EmbeddedBroker;
  /** Runs on the engine of the node; the log knows it on its own. */
  run(container: string): Promise<void>;
  /** How many readings of logs are open on its engine. */
  logsOpen(): number;
  close(): Promise<void>;
};

/** @param isAnswering false: the node has an agent of before streams, or none */
export function openStreamAgent(clusterId: string, node: string, { isAnswering = true } = {}): StreamAgent {
  const broker = createEmbeddedBroker({ clusterId, logger: silentLogger });
  const machine = createSimulatedMachine({ clock: systemClock });
  const simulated = machine.engine({ clusterId, clusterName: 'test', node });
  let open = 0;
  const engine: Engine = {
    ...simulated,
    async *logs(...how) {
      open += 1;
      try {
        yield* simulated.logs(...how);
      } finally {
        open -= 1;
      }
    },
  };
  const bus = broker.agent(node);
  const requested = spec({ env: [{ name: 'KEY', secret: 'key' }] });
  const streams = createAgentStreams(
    { bus, engine, clock: systemClock, logger: silentLogger, specOf: () => requested },
    { clusterId, node },
  );
  if (isAnswering) bus.consumeStreamRequests(streams.handle);
  return {
    machine,
    broker,
    async run(container) {
      const [service = '', rest = ''] = container.split('.');
      const identity = { container, service, slot: Number(rest.split('-')[0]), generation: 1 };
      const env = [{ name: 'KEY', value: 'hush-hush-hush' }];
      await engine.create({ ...identity, specHash: specHashOf(requested), spec: requested, image: 'any', env });
      await engine.start(container);
    },
    logsOpen: () => open,
    async close() {
      await streams.close();
      await broker.close();
      await engine.close();
    },
  };
}
