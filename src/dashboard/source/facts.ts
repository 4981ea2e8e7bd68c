/** Reads facts of the log, page after page. */

import type { LogEvent } from '../../events/schema/event.ts';
import { getJson, getText } from './api.ts';
import { pause } from './pause.ts';

/** Parsed in a part of the time there is for a frame. */
const linesAtOnce = 400;

/** @param to inclusive */
export async function loadFacts(after: number, to: number): Promise<LogEvent[]> {
  if (to <= after) return [];
  const text = await getText(`/events?class=fact&format=ndjson&after=${after}&before=${to + 1}`);
  const lines = text.split('\n').slice(0, -1);
  const facts: LogEvent[] = [];
  for (let first = 0; first < lines.length; first += linesAtOnce) {
    if (first > 0) await pause();
    for (const line of lines.slice(first, first + linesAtOnce)) facts.push(JSON.parse(line) as LogEvent);
  }
  return facts;
}

/** The fact next to a position, whatever telemetry is between; null at the end of the log. */
export async function loadNeighbour(position: number, direction: 'forward' | 'backward'): Promise<LogEvent | null> {
  const where = direction === 'forward' ? `after=${position}` : `before=${position}`;
  const { events } = await getJson<{ events: LogEvent[] }>(
    `/events?class=fact&limit=1&direction=${direction}&${where}`,
  );
  return events[0] ?? null;
}
