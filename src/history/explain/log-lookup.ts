/**
 * Looks things up in the log for one question: a container's own facts, the event at a position, the last event of
 * a stream before another. Every look goes through an index of the log and is asked once; none reads the log from its
 * beginning to find out.
 */

import type { EventLog, EventQuery } from '../../events/log/event-log.ts';
import { type LogEvent, streams } from '../../events/schema/event.ts';

export type LogLookup = {
  /** Everything the log has after it does not count. */
  readonly end: number;
  /** All facts about a container, oldest first; none when the log does not know it. */
  ofContainer(id: string): Promise<readonly LogEvent[]>;
  at(position: number): Promise<LogEvent | null>;
  /** The nearest before a position first; at least the nearest, when there is one. */
  before(position: number, about: About): Promise<readonly LogEvent[]>;
  /** Between two positions, both exclusive, the latest first; at most `pageLimit`. */
  between(after: number, before: number, about: About): Promise<readonly LogEvent[]>;
  /** How each of these containers was placed; of those there are. At most `pageLimit`. */
  placements(ids: readonly string[]): Promise<readonly LogEvent<'ContainerQueued'>[]>;
  /** The first within a reach after a position, oldest first; at most `pageLimit`. */
  after(position: number, about: About): Promise<readonly LogEvent[]>;
};

export type About = Pick<EventQuery, 'streams' | 'types' | 'service' | 'node' | 'container'>;

/** A container has about five facts, a service that changes often a few requests an hour. */
export const pageLimit = 100;

/**
 * What is looked for is mostly near: a plan follows its cause within a second. Each further look reaches twenty times as
 * far back, so that a near cause costs nothing of a long history.
 */
const reaches = [2_000, 40_000, Number.POSITIVE_INFINITY] as const;
/** What follows an end follows soon; hours of a quiet cluster, a minute of a stormy one. */
const reachAfter = 40_000;

/**
 * @param end the log as of then; a position
 * @param signal ends the question at its next look
 */
export function createLogLookup(
  log: Pick<EventLog, 'read'>,
  { end, signal }: { end: number; signal?: AbortSignal | undefined },
): LogLookup {
  const asked = new Map<string, Promise<readonly LogEvent[]>>();

  const read = async (query: EventQuery): Promise<readonly LogEvent[]> => {
    signal?.throwIfAborted();
    const full = { to: end, limit: pageLimit, class: 'fact', ...query } as const;
    const key = JSON.stringify(full);
    const known = asked.get(key) ?? log.read(full).then(({ events }) => events);
    asked.set(key, known);
    return known;
  };

  return {
    end,
    ofContainer: (container) => read({ container }),
    async at(position) {
      if (position < 1 || position > end) return null;
      const [event] = await read({ after: position - 1, to: position, limit: 1 });
      return event ?? null;
    },
    async before(position, about) {
      let before = position;
      for (const reach of reaches) {
        const after = Math.max(0, position - reach - 1);
        const found = await read({ ...about, after, before, direction: 'backward' });
        if (found.length > 0 || after === 0) return found;
        before = after + 1;
      }
      return [];
    },
    between: async (after, before, about) =>
      before - after > 1 ? read({ ...about, after, before, direction: 'backward' }) : [],
    async placements(ids) {
      if (ids.length === 0) return [];
      const found = await read({ streams: ids.map(streams.container), types: ['ContainerQueued'] });
      return found.filter((event) => event.type === 'ContainerQueued');
    },
    after: (position, about) => read({ ...about, after: position, to: Math.min(end, position + reachAfter) }),
  };
}
