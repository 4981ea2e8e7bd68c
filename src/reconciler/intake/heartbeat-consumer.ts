/**
 * Owns heartbeats on their way in: the liveness of nodes, the log's record of who was heard, and the word to a
 * an unknown session to register again. All managers listen, the leader alone appends.
 */

import { bufferTime, Subject, type Subscription } from 'rxjs';
import type { Consumer, ManagerBus } from '../../bus/bus.ts';
import type { Heartbeat } from '../../bus/messages.ts';
import type { Clock } from '../../clock.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import { type NewEvent, streams } from '../../events/schema/event.ts';
import type { Logger } from '../../logger.ts';
import type { Projector } from '../../projections/live/projector.ts';
import { controllerActor } from '../planner/step.ts';
import type { Liveness } from './liveness.ts';

export type Heartbeats = { start(): void; close(): Promise<void> };

/** The leader appends this often, heard anything or not: the append renews its lease. */
const recordEveryMs = 1_000;
/** Past this many in one event the log's bound on an append comes near. */
const beatsPerEventMax = 2_000;
/** An unknown session sends a heartbeat every second; asking it once in this time is enough. */
const resyncEveryMs = 2_000;

type Deps = {
  log: EventLog;
  projector: Projector;
  bus: ManagerBus;
  liveness: Liveness;
  clock: Clock;
  logger: Logger;
};

export function createHeartbeats(
  { log, projector, bus, liveness, clock, logger }: Deps,
  options: { clusterId: string; term: () => number | null; onSuperseded: () => void },
): Heartbeats {
  const heard$ = new Subject<{ beat: Heartbeat; at: string }>();
  const askedAtMs = new Map<string, number>();
  let consumer: Consumer | undefined;
  let subscription: Subscription | undefined;
  let isAppending = false;

  const hear = (beat: Heartbeat) => {
    if (liveness.hear(beat.node, beat.session)) heard$.next({ beat, at: new Date(clock.nowMs()).toISOString() });
    else askToRegister(beat);
  };

  /** Of a lost or removed node, or of a session before the present one. A later one is on its way through the log. */
  const askToRegister = ({ node, session, instanceId }: Heartbeat) => {
    if (options.term() === null) return;
    const known = projector.view.nodes.get(node);
    if (known && session > known.session) return;
    if (known?.session === session && known.state === 'ready') return;
    const nowMs = clock.monotonicMs();
    if (nowMs - (askedAtMs.get(node) ?? Number.NEGATIVE_INFINITY) < resyncEveryMs) return;
    askedAtMs.set(node, nowMs);
    logger.info({ node, session }, 'heartbeat of a lost or unknown session: asked to register');
    const to = instanceId === undefined ? {} : { instanceId };
    bus.sendCommand({ kind: 'resync', clusterId: options.clusterId, node, ...to }).catch((error: unknown) => {
      logger.warn({ err: error, node }, 'resync not delivered; the next heartbeat asks again');
    });
  };

  const record = async (heard: { beat: Heartbeat; at: string }[]) => {
    const term = options.term();
    if (term === null || isAppending) return;
    const events: NewEvent[] = [];
    for (let start = 0; start === 0 || start < heard.length; start += beatsPerEventMax) {
      const heartbeats = heard.slice(start, start + beatsPerEventMax).map(({ beat, at }) => {
        const { node, session, sequence, containers } = beat;
        return { node, session, sequence, at, containers };
      });
      const meta = { actor: controllerActor, causationId: null };
      events.push({ stream: streams.heartbeats, type: 'HeartbeatsReceived', data: { heartbeats }, meta });
    }
    isAppending = true;
    try {
      for (const event of events) await log.append([event], { term });
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'term_superseded') options.onSuperseded();
      else logger.warn({ err: error }, 'heartbeats not recorded');
    } finally {
      isAppending = false;
    }
  };

  return {
    start() {
      consumer = bus.consumeHeartbeats(hear);
      subscription = heard$.pipe(bufferTime(recordEveryMs)).subscribe((heard) => void record(heard));
    },
    async close() {
      subscription?.unsubscribe();
      await consumer?.close();
    },
  };
}
