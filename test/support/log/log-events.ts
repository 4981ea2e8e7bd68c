/** Small valid events for tests of logs, and a second opinion on the hash chain. */

import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { EventLog } from '../../../src/events/log/event-log.ts';
import type { Commit, LogEvent, NewEvent } from '../../../src/events/schema/event.ts';

const meta = { actor: 'person:test', causationId: null };

/** A fact on the stream of a service; any stream and any text will do. */
export function fact(service: string, { text = 'told' }: { text?: string } = {}): NewEvent {
  return {
    stream: `service/${service}`,
    type: 'AlarmRaised',
    data: { alarm: 'test', subject: service, message: text },
    meta,
  };
}

/** Of about as many bytes as asked for, up to 80 000. */
export function largeFact(bytes: number): NewEvent {
  const logTail = Array.from({ length: 20 }, () => 'x'.repeat(Math.floor(bytes / 20)));
  const container = { container: 'web.1-a', service: 'web', slot: 1, node: 'worker-1' };
  const end = { reason: 'exited', message: 'exit code 1', exitCode: 1, logTail } as const;
  return { stream: 'container/web.1-a', type: 'ContainerFailed', data: { ...container, ...end }, meta };
}

export function telemetry(): NewEvent {
  const heartbeat = { node: 'worker-1', session: 1, sequence: 1, at: '2026-01-01T00:00:00.000Z', containers: 0 };
  return { stream: 'heartbeats', type: 'HeartbeatsReceived', data: { heartbeats: [heartbeat] }, meta };
}

export async function readAll(log: Pick<EventLog, 'read'>): Promise<LogEvent[]> {
  const events: LogEvent[] = [];
  for (let after = 0; ; ) {
    const page = await log.read({ after, limit: 1000 });
    events.push(...page.events);
    if (page.next === null) return events;
    after = page.next;
  }
}

/** Page after page: one may be cut short. */
export async function readAllCommits(log: Pick<EventLog, 'readCommits'>): Promise<Commit[]> {
  const commits: Commit[] = [];
  for (;;) {
    const page = await log.readCommits({ afterSlot: commits.at(-1)?.slot ?? 0 });
    if (page.length === 0) return commits;
    commits.push(...page);
  }
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** Written from DESIGN alone, with another implementation of RFC 8785. @throws Error naming the first broken slot */
export function verifyChain(commits: readonly Commit[]): void {
  let previous = { hash: '0'.repeat(64), slot: 0, last: 0, at: '' };
  for (const { events, hash, ...header } of commits) {
    const broken = (why: string) => new Error(`slot ${header.slot}: ${why}`);
    if (header.slot !== previous.slot + 1) throw broken('does not follow');
    if (header.first !== previous.last + 1) throw broken('its position does not follow');
    if (header.at < previous.at) throw broken('is earlier than the one before');
    if (events && sha256(canonicalize(events) ?? '') !== header.bodyHash) throw broken('its events were changed');
    if (sha256(previous.hash + canonicalize(header)) !== hash) throw broken('its hash is wrong');
    previous = { hash, slot: header.slot, last: header.first + header.count - 1, at: header.at };
  }
}
