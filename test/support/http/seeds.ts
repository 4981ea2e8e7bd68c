/** A small past that every route has something to say about: the names are those of the document's examples. */

import type { EventLog } from '../../../src/events/log/event-log.ts';
import { type NewEvent, streams } from '../../../src/events/schema/event.ts';
import { specHash } from '../../../src/events/schema/hash.ts';
import { specOf } from '../specs.ts';

const spec = specOf('nginx:1.27', {
  name: 'web',
  env: [{ name: 'MODE', value: 'production' }],
  ports: [{ container: 80, host: null, protocol: 'tcp' }],
});
const hash = specHash(spec);

const meta = { actor: 'node:worker-1', causationId: null };
const fact = (stream: string, type: NewEvent['type'], data: object) => ({ stream, type, data, meta }) as NewEvent;
const registered = (node: string) =>
  fact(streams.node(node), 'NodeRegistered', {
    node,
    registrationId: '11111111-1111-4111-8111-111111111111',
    engine: { kind: 'simulated', engineId: `engine-${node}`, version: '1', memoryBytes: 2 ** 30, cpuMillis: 4_000 },
    hostname: node,
    agentVersion: '0.1.0',
    labels: [{ name: 'zone', value: 'a' }],
    instance: { id: '22222222-2222-4222-8222-222222222222', pid: 7, startedAt: '2026-01-01T00:00:00.000Z' },
    inventory: [],
  });

/** Two nodes and the service web, whose container web.1-4k failed and was replaced by web.1-4m, which runs. */
export async function appendSeeds(log: EventLog): Promise<number> {
  const sessions: Record<string, number> = {};
  for (const node of ['worker-1', 'worker-2']) sessions[node] = (await log.append([registered(node)])).last;
  const requested = { service: 'web', generation: 1, changed: true, replicas: 1, container: spec, specHash: hash };
  await log.append([fact(streams.service('web'), 'ServiceRequested', requested)]);
  const run = (container: string, node: string, replaces: string | null) => {
    const ref = { container, service: 'web', slot: 1, node };
    const stream = streams.container(container);
    const session = sessions[node]!;
    const started = { session, engineContainerId: 'e1', startedAt: '2026-01-01T00:00:00.000Z' };
    return {
      queued: fact(stream, 'ContainerQueued', {
        ...{ ...ref, session, engineId: `engine-${node}`, generation: 1, specHash: hash, image: spec.image, replaces },
        queueDeadline: '2030-01-01T00:00:00.000Z',
        candidates: [{ node, replicasOfService: 0, containers: 0 }],
        filtered: [{ filter: 'cordoned', reason: 'it is cordoned', count: 1, nodes: ['worker-2'] }],
      }),
      starting: fact(stream, 'ContainerStarting', { ...ref, session }),
      running: fact(stream, 'ContainerRunning', {
        ...{ ...ref, ...started, ports: [{ container: 80, host: 32_768, protocol: 'tcp' }] },
      }),
      failed: fact(stream, 'ContainerFailed', {
        ...{ ...ref, reason: 'exited', exitCode: 1, message: 'it exited with 1', logTail: ['oh'] },
      }),
    };
  };
  const first = run('web.1-4k', 'worker-1', null);
  const second = run('web.1-4m', 'worker-1', 'web.1-4k');
  await log.append([first.queued, first.starting, first.running, first.failed]);
  const { last } = await log.append([second.queued, second.starting, second.running]);
  return last;
}

/** Node worker-1 is lost, and its container with it. */
export async function appendLoss(log: EventLog): Promise<number> {
  const ref = { container: 'web.1-4m', service: 'web', slot: 1, node: 'worker-1' };
  const lost = { reason: 'node lost', exitCode: null, message: 'its node is lost', logTail: [] };
  const { last } = await log.append([
    fact(streams.node('worker-1'), 'NodeLost', { node: 'worker-1', session: 2, lastHeardAt: null, silentMs: 0 }),
    fact(streams.container(ref.container), 'ContainerFailed', { ...ref, ...lost }),
  ]);
  return last;
}
