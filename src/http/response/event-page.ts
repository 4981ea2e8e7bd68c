/** Writes events as the text of a page: as many as fit into its bytes, one at least. */

import type { LogEvent } from '../../events/schema/event.ts';

export type EventPage = {
  /** Takes the next event in; false: it does not fit, and the page is full. */
  take(event: LogEvent): boolean;
  /** Of the events taken, in order. */
  texts(): readonly string[];
};

/** Of an answer that is one page. */
export const pageBytesMax = 256 * 1024;

/** Of each page of a stream, one of which waits for the socket while the next is read. */
export const streamPageBytesMax = 128 * 1024;

/** @param write the text of one event */
export function createEventPage(write: (event: LogEvent) => string, bytesMax: number): EventPage {
  const texts: string[] = [];
  let bytes = 0;
  return {
    take(event) {
      const text = write(event);
      const size = Buffer.byteLength(text);
      if (texts.length > 0 && bytes + size > bytesMax) return false;
      texts.push(text);
      bytes += size;
      return true;
    },
    texts: () => texts,
  };
}

/** As `text/event-stream`. A client that reconnects sends the last id it received. */
export const toSse = (event: LogEvent): string =>
  `id: ${event.position}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

export const toNdjson = (event: LogEvent): string => `${JSON.stringify(event)}\n`;
