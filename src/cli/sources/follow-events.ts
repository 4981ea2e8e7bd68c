/** Follows the events of a manager's stream, also through a restart of it. */

import { setTimeout as pause } from 'node:timers/promises';
import { AppError, hasCode } from '../../errors.ts';
import type { LogEvent } from '../../events/schema/event.ts';
import type { Api } from './api.ts';

export type FollowOptions = {
  /** Narrows it, as `GET /events` takes it. */
  query: Readonly<Record<string, string>>;
  /** The position behind which it begins. */
  after: number;
  signal: AbortSignal;
  /** What was yielded is all up to now, or may not be. */
  onConnected?(is: boolean): void;
};

/** A manager that restarts is there again in a few of them. */
const reconnectMs = 2_000;
/** A manager sends something every 15 s: after two that are missing the connection is dead. */
const silentMaxMs = 40_000;

/** Until the signal is aborted. @throws a refusal that will not pass */
export async function* followEvents(
  api: Pick<Api, 'lines'>,
  { query, after, signal, onConnected = () => {} }: FollowOptions,
): AsyncGenerator<LogEvent> {
  let last = after;
  while (!signal.aborted) {
    const search = new URLSearchParams({ ...query, format: 'sse', after: `${last}` });
    const silence = createDeadline(silentMaxMs);
    try {
      for await (const line of api.lines(`/events?${search}`, AbortSignal.any([signal, silence.signal]))) {
        silence.postpone();
        onConnected(true);
        if (!line.startsWith('data: ')) continue;
        const event = JSON.parse(line.slice('data: '.length)) as LogEvent;
        last = event.position;
        yield event;
      }
    } catch (error) {
      if (!isPassing(error)) throw error;
    } finally {
      silence.clear();
      onConnected(false);
    }
    await pause(reconnectMs, undefined, { signal }).catch(() => {});
  }
}

/** A manager that stops, is not there, or has too much to do. */
export const isPassing = (error: unknown): boolean =>
  hasCode(error, 'api_unreachable') || (error instanceof AppError && isPassingStatus(error.details.status));
const isPassingStatus = (status: unknown) => status === 429 || (typeof status === 'number' && status >= 500);

/** Aborts when it was not postponed for so long. */
function createDeadline(delayMs: number) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), delayMs);
  return { signal: controller.signal, postpone: () => void timer.refresh(), clear: () => clearTimeout(timer) };
}
