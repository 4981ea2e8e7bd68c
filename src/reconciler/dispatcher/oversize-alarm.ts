/**
 * Records the alarm about a node whose desired containers do not fit into one message of the bus. It is active from the
 * refusal until a message of the node gets through, or the node is not ready any more.
 */

import type { WantedCommand } from '../../bus/messages.ts';
import { AppError } from '../../errors.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import type { Logger } from '../../logger.ts';
import { alarmNames } from '../../model/alarm.ts';
import type { ClusterView } from '../../projections/view/cluster-view.ts';
import { type AlarmEvent, clearAlarm, raiseAlarm, subjectsOf } from '../planner/alarms.ts';

const alarm = alarmNames.desiredContainersTooLarge;

export type OversizeAlarm = {
  raise(wanted: WantedCommand, refusal: unknown): void;
  /** Nothing when the node has no such alarm. */
  clear(node: string): void;
  /** Of nodes that are not there, or not ready: nothing is sent to them. */
  clearOfAbsent(): void;
};

type Deps = { log: Pick<EventLog, 'append'>; view: ClusterView; logger: Logger };

/** @param term the leadership it is written under; null writes nothing */
export function createOversizeAlarm(
  { log, view, logger }: Deps,
  { term }: { term: () => number | null },
): OversizeAlarm {
  const write = (event: AlarmEvent | null, node: string) => {
    const current = term();
    if (current === null || event === null) return;
    log.append([event], { term: current }).catch((error: unknown) => {
      // The next message that is too large, or that gets through, records it again.
      logger.warn({ err: error, node, alarm }, 'alarm not recorded');
    });
  };

  const clear = (node: string) => write(clearAlarm(view, { alarm, subject: node }), node);

  return {
    raise(wanted, refusal) {
      const { node } = wanted;
      logger.error({ err: refusal, node }, 'the desired containers are larger than the bus carries; they are not sent');
      write(raiseAlarm(view, { alarm, subject: node, message: describeExcess(wanted, refusal) }), node);
    },
    clear,
    clearOfAbsent() {
      for (const node of subjectsOf(view, alarm)) if (view.nodes.get(node)?.state !== 'ready') clear(node);
    },
  };
}

/** A node id and six numbers: far below the catalogue's bound on a message. */
function describeExcess({ node, containers, specs }: WantedCommand, refusal: unknown): string {
  const { bytes, bytesMax } = (refusal instanceof AppError ? refusal.details : {}) as Record<
    string,
    number | undefined
  >;
  const bound =
    bytes === undefined ? 'more than one message holds' : `${bytes} bytes, and one message holds ${bytesMax}`;
  return (
    `${node} cannot be sent its desired containers: ${containers.length} containers of ${specs.length} specs are ${bound}. ` +
    'Its agent takes over nothing until there is less: put fewer services there, or less into their container specs'
  );
}
