/** Messages for tests of the bus, as small as their schemas allow. */

import { randomUUID } from 'node:crypto';
import type { Command, Heartbeat, Report, StopCommand } from '../../../src/bus/messages.ts';

const at = '2026-01-01T00:00:00.000Z';

export const stop = ({ clusterId }: { clusterId: string }, node: string, position: number): StopCommand => ({
  kind: 'stop',
  clusterId,
  node,
  session: 1,
  position,
  causationId: 'fact',
  container: `web.1-${position.toString(36)}`,
  stopTimeoutSeconds: 10,
});

const reportHead = (clusterId: string, node: string) => ({
  clusterId,
  node,
  reportId: randomUUID(),
  at,
  session: 1,
  container: 'web.1-1',
  causationId: null,
});

/** `sequence` travels as the host port, so that tests can tell reports apart. */
export const running = ({ clusterId }: { clusterId: string }, node: string, sequence: number) => ({
  ...reportHead(clusterId, node),
  kind: 'running' as const,
  engineContainerId: 'engine-id',
  startedAt: at,
  ports: [{ container: 80, host: sequence, protocol: 'tcp' as const }],
});

export function sequenceOf(report: Report): number {
  if (report.kind !== 'running') throw new Error(`not a running report: ${report.kind}`);
  return report.ports[0]?.host ?? 0;
}

export const failed = ({ clusterId }: { clusterId: string }, node: string, logTail: string[]) => ({
  ...reportHead(clusterId, node),
  kind: 'failed' as const,
  reason: 'exited' as const,
  message: 'it ended',
  exitCode: 1,
  logTail,
});

export const heartbeat = ({ clusterId }: { clusterId: string }, node: string, sequence: number): Heartbeat => ({
  clusterId,
  node,
  session: 1,
  sequence,
  sentAt: at,
  containers: 0,
});

export function stopOf(command: Command): StopCommand {
  if (command.kind !== 'stop') throw new Error(`not a stop: ${command.kind}`);
  return command;
}
