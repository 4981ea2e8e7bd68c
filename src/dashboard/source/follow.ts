/** Follows the facts of the log over an event stream, from a position on. Reconnects by itself, behind what it has. */

import { catalog } from '../../events/schema/catalog.ts';
import type { LogEvent } from '../../events/schema/event.ts';
import { getText } from './api.ts';

export type Following = { close(): void };

type Listener = {
  /** In the order of the log, each once. */
  onEvents(events: LogEvent[]): void;
  onConnected(isConnected: boolean): void;
};

/** A browser gives up where an answer is no stream, as while a manager starts: then we try again. */
const retryMs = 2_000;

export function followFacts(after: number, { onEvents, onConnected }: Listener): Following {
  let last = after;
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let batch: LogEvent[] = [];

  // A picture shows what came until then: many events cost one.
  const deliver = () => {
    const events = batch;
    batch = [];
    onEvents(events);
  };
  const take = ({ data }: MessageEvent<string>) => {
    const event = JSON.parse(data) as LogEvent;
    if (event.position <= last) return;
    last = event.position;
    batch.push(event);
    if (batch.length === 1) setTimeout(deliver, 0);
  };

  const connect = () => {
    source = new EventSource(`/events?class=fact&format=sse&after=${last}`);
    source.onopen = () => onConnected(true);
    source.onerror = () => {
      onConnected(false);
      if (source?.readyState !== EventSource.CLOSED) return;
      // A stream says nothing about why it was refused; a call does, and leads to the login.
      getText('/session').catch(() => {});
      timer = setTimeout(connect, retryMs);
    };
    for (const type of Object.keys(catalog)) source.addEventListener(type, take as EventListener);
  };
  connect();
  return {
    close() {
      clearTimeout(timer);
      source?.close();
    },
  };
}
