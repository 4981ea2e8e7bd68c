/** A client of `text/event-stream` in tests, with a reader that can be made slow. */

import { request as httpRequest, type IncomingMessage } from 'node:http';

export type StreamedEvent = { id: number; event: string; data: { position: number; type: string } };

export type EventStreamClient = {
  readonly events: readonly StreamedEvent[];
  readonly status: number;
  readonly isEnded: boolean;
  pause(): void;
  resume(): void;
  close(): void;
};

/** Resolves once the answer's headers are there. */
export function openEventStream(
  url: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<EventStreamClient> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(new URL(path, url), {
      agent: false,
      headers: { accept: 'text/event-stream', ...headers },
    });
    request.on('error', reject);
    request.on('response', (response) => resolve(readStream(response, () => request.destroy())));
    request.end();
  });
}

function readStream(response: IncomingMessage, destroy: () => void): EventStreamClient {
  const events: StreamedEvent[] = [];
  let rest = '';
  let isEnded = false;
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    const blocks = (rest + chunk).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = Object.fromEntries(
        block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      );
      if (fields.id)
        events.push({ id: Number(fields.id), event: fields.event ?? '', data: JSON.parse(fields.data ?? '') });
    }
  });
  const end = () => {
    isEnded = true;
  };
  response.on('end', end);
  response.on('close', end);
  response.on('error', end);
  return {
    events,
    status: response.statusCode ?? 0,
    get isEnded() {
      return isEnded;
    },
    pause: () => response.pause(),
    resume: () => response.resume(),
    close: destroy,
  };
}
