/**
 * Takes heartbeats in: notifies the failure detector, records them in the log, and asks unknown sessions to register again.
 * All managers listen, the leader alone appends.
 */

import { asyncScheduler, defer, exhaustMap, interval, type SchedulerLike, type Subscription } from 'rxjs';
import type { Consumer, ManagerBus } from '../../bus/bus.ts';
import type { Heartbeat } from '../../bus/messages.ts';
import type { Clock } from '../../clock.ts';
import { hasCode } from '../../errors.ts';
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
const heartbeatsPerEventMax = 2_000;
/** Kept while an append is under way: 20 s of 1,000 nodes. The oldest go first, and are counted in the process log. */
const keptMax = 20_000;
/** An unknown session sends a heartbeat every second; asking it once in this time is enough. */
const resyncEveryMs = 2_000;

type Deps = {
  log: Pick<EventLog, 'append'>;
  projector: Pick<Projector, 'view'>;
  bus: Pick<ManagerBus, 'consumeHeartbeats' | 'sendCommand'>;
  liveness: Pick<Liveness, 'heartbeat'>;
  clock: Clock;
  logger: Logger;
};

export function createHeartbeats(
  { log, projector, bus, liveness, clock, logger }: Deps,
  options: { clusterId: string; term: () => number | null; onSuperseded: () => void; scheduler?: SchedulerLike },
): Heartbeats {
  let heard: Heard[] = [];
  let dropped = 0;
  const askedAtMs = new Map<string, number>();
  let consumer: Consumer | undefined;
  let subscription: Subscription | undefined;

  const take = (heartbeat: Heartbeat) => {
    if (!liveness.heartbeat(heartbeat.node, heartbeat.session)) return askToRegister(heartbeat);
    if (options.term() === null) return;
    heard.push({ heartbeat, at: new Date(clock.nowMs()).toISOString() });
    if (heard.length <= keptMax) return;
    heard.shift();
    dropped += 1;
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

  /** What is heard meanwhile is recorded by the next append. */
  const record = async () => {
    const term = options.term();
    const recorded = heard;
    heard = [];
    if (term === null) return;
    if (dropped > 0) logger.warn({ dropped }, 'heartbeats not recorded: the log took too long');
    dropped = 0;
    try {
      for (const event of toEvents(recorded)) await log.append([event], { term });
    } catch (error) {
      if (hasCode(error, 'term_superseded')) options.onSuperseded();
      else logger.warn({ err: error, heartbeats: recorded.length }, 'heartbeats not recorded');
    }
  };

  return {
    start() {
      consumer = bus.consumeHeartbeats(take);
      subscription = interval(recordEveryMs, options.scheduler ?? asyncScheduler)
        .pipe(exhaustMap(() => defer(record)))
        .subscribe();
    },
    async close() {
      subscription?.unsubscribe();
      await consumer?.close();
    },
  };
}

type Heard = { heartbeat: Heartbeat; at: string };

/** At least one event, if an empty one: it renews the lease. */
function toEvents(heard: readonly Heard[]): NewEvent[] {
  const events: NewEvent[] = [];
  for (let start = 0; start === 0 || start < heard.length; start += heartbeatsPerEventMax) {
    const heartbeats = heard.slice(start, start + heartbeatsPerEventMax).map(({ heartbeat, at }) => {
      const { node, session, sequence, containers } = heartbeat;
      return { node, session, sequence, at, containers };
    });
    const meta = { actor: controllerActor, causationId: null };
    events.push({ stream: streams.heartbeats, type: 'HeartbeatsReceived', data: { heartbeats }, meta });
  }
  return events;
}
