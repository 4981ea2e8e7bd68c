/**
 * Owns the alarm about a node that cannot be told what is wanted of it, because one message of the bus does not hold it.
 * It stands from the refusal until a wanted set of the node gets through, or nothing is wanted there any more.
 */

import type { WantedCommand } from '../../bus/messages.ts';
import { AppError } from '../../errors.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import { type NewEvent, streams } from '../../events/schema/event.ts';
import type { Logger } from '../../logger.ts';
import { alarmKey } from '../../projections/view/cluster.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { controllerActor } from '../planner/step.ts';

export const wantedTooLargeAlarm = 'wanted set too large';

export type WantedAlarm = {
  raise(wanted: WantedCommand, refusal: unknown): void;
  /** Nothing when the node has no such alarm. */
  clear(node: string): void;
  /** Of nodes that are not there, or not ready: nothing is wanted of them. */
  clearOfAbsent(): void;
};

type Deps = { log: Pick<EventLog, 'append'>; view: ClusterView; logger: Logger };

/** @param term the leadership it is written under; null writes nothing */
export function createWantedAlarm({ log, view, logger }: Deps, { term }: { term: () => number | null }): WantedAlarm {
  const isRaised = (node: string) => view.alarms.has(alarmKey(wantedTooLargeAlarm, node));

  const write = (event: NewEvent, node: string) => {
    const current = term();
    if (current === null) return;
    log.append([event], { term: current }).catch((error: unknown) => {
      // The next refusal, or the next set that gets through, says it again.
      logger.warn({ err: error, node, alarm: wantedTooLargeAlarm }, 'alarm not recorded');
    });
  };

  const clear = (node: string) => {
    if (!isRaised(node)) return;
    const data = { alarm: wantedTooLargeAlarm, subject: node };
    write({ stream: streams.alarms, type: 'AlarmCleared', data, meta }, node);
  };

  return {
    raise(wanted, refusal) {
      const { node } = wanted;
      logger.error({ err: refusal, node }, 'the wanted set is larger than the bus carries; it is left out');
      if (isRaised(node)) return;
      const data = { alarm: wantedTooLargeAlarm, subject: node, message: sayTooLarge(wanted, refusal) };
      write({ stream: streams.alarms, type: 'AlarmRaised', data, meta }, node);
    },
    clear,
    clearOfAbsent() {
      for (const { alarm, subject } of view.alarms.values()) {
        if (alarm === wantedTooLargeAlarm && view.nodes.get(subject)?.state !== 'ready') clear(subject);
      }
    },
  };
}

const meta = { actor: controllerActor, causationId: null };

/** A node id and six numbers: far below the catalogue's bound on a message. */
function sayTooLarge({ node, containers, specs }: WantedCommand, refusal: unknown): string {
  const { bytes, bytesMax } = (refusal instanceof AppError ? refusal.details : {}) as Record<
    string,
    number | undefined
  >;
  const bound =
    bytes === undefined ? 'more than one message holds' : `${bytes} bytes, and one message holds ${bytesMax}`;
  return (
    `${node} cannot be told all that is wanted of it: ${containers.length} containers of ${specs.length} specs are ${bound}. ` +
    'Its agent takes over nothing until there is less: put fewer services there, or less into their container specs'
  );
}
