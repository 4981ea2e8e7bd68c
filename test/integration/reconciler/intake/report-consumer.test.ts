/** Reports on their way into the log: many at once, on the real log and bus. */

import { randomUUID } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createEmbeddedBroker } from '../../../../src/bus/embedded/embedded-bus.ts';
import type { Report } from '../../../../src/bus/messages.ts';
import { systemClock } from '../../../../src/clock.ts';
import { silentLogger } from '../../../../src/logger.ts';
import { createProjector } from '../../../../src/projections/live/projector.ts';
import { createLiveness } from '../../../../src/reconciler/intake/liveness.ts';
import { createIntake } from '../../../../src/reconciler/intake/report-consumer.ts';
import { readAll } from '../../../support/log/log-events.ts';
import { logKinds, openLogAt } from '../../../support/log/logs.ts';
import { until } from '../../../support/wait.ts';

const test = suite('intake');
const staleContainers = 400;

test('a node that returns tells hundreds of stale containers at once: each is recorded, none is dead-lettered', async () => {
  const clusterId = randomUUID();
  const log = await openLogAt(await logKinds[0]!.createPlace());
  const projector = createProjector({ log, logger: silentLogger, clock: systemClock });
  await projector.start();
  const broker = createEmbeddedBroker({ clusterId, logger: silentLogger });
  const bus = broker.manager('manager-1');
  const heartbeats = createLiveness(systemClock, { timeoutMs: 5_000 });
  const intake = createIntake(
    { log, projector, bus, heartbeats, clock: systemClock, logger: silentLogger },
    { clusterId },
  );
  intake.start();
  const agent = broker.agent('worker-1');
  const head = () => ({ clusterId, node: 'worker-1', reportId: randomUUID(), at: new Date().toISOString() });
  const engine = { kind: 'simulated', engineId: 'e', version: '1', memoryBytes: 1, cpuMillis: 1 } as const;
  const machine = { engine, hostname: 'h', agentVersion: '1', labels: [], inventory: [] };
  await agent.sendReport({ kind: 'register', ...head(), registrationId: randomUUID(), ...machine });
  await until('the node is known', () => projector.view.nodes.has('worker-1'));

  const stale = (n: number): Report => ({
    ...{
      kind: 'stale-removed',
      ...head(),
      session: 1,
      container: `web.${n}-a`,
      causationId: null,
      reason: 'not wanted',
    },
  });
  await Promise.all(Array.from({ length: staleContainers }, (_, n) => agent.sendReport(stale(n + 1))));
  await until('all are recorded', async () => {
    const removed = (await readAll(log)).filter(({ type }) => type === 'StaleContainerRemoved');
    return removed.length === staleContainers;
  });
  assert.equal(await bus.readDeadLetters(10), []);

  await intake.close();
  await broker.close();
  await projector.close();
  await log.close();
});

test.run();
