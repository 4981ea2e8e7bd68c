/** Follows the stream of Docker's events as hints: reconnects with pauses until it is closed. Judges nothing. */

import { setTimeout as pause } from 'node:timers/promises';
import type Docker from 'dockerode';
import type { Clock } from '../../clock.ts';
import type { Logger } from '../../logger.ts';
import { labels } from '../../model/naming.ts';
import type { EngineHint, EngineScope } from '../engine/engine.ts';
import { dockerMessage } from './docker-call.ts';
import { scopeLabels } from './docker-spec.ts';

/** What can end a container, take it away, halt it or change its health. */
const events = ['die', 'oom', 'destroy', 'health_status', 'pause', 'unpause'];
const reconnectMinMs = 100;
const reconnectMaxMs = 2_000;
/**
 * Docker says `die` before it takes the network down, and lists the container as running until that is done. An event
 * just before the stream began would be missed by the list too, so each stream begins with the events of this long.
 */
const overlapSeconds = 5;
/** More text than this without a line end is no event. */
const lineCharactersMax = 1024 * 1024;

type Deps = { docker: Docker; scope: EngineScope; clock: Clock; logger: Logger };

export async function followEvents(
  { docker, scope, clock, logger }: Deps,
  onHint: (hint: EngineHint) => void,
  signal: AbortSignal,
): Promise<void> {
  let waitMs = reconnectMinMs;
  while (!signal.aborted) {
    try {
      const filters = { type: ['container'], event: events, label: scopeLabels(scope) };
      const since = Math.floor(clock.nowMs() / 1000) - overlapSeconds;
      const stream = await docker.getEvents({ filters, since, abortSignal: signal } as Docker.GetEventsOptions);
      waitMs = reconnectMinMs;
      onHint({ kind: 'lost' });
      for await (const container of readContainers(stream, signal)) onHint({ kind: 'container', container });
    } catch (error) {
      if (signal.aborted) return;
      logger.debug({ reason: dockerMessage(error) }, "the stream of Docker's events broke");
    }
    await pause(waitMs, undefined, { signal }).catch(() => {});
    waitMs = Math.min(waitMs * 2, reconnectMaxMs);
  }
}

async function* readContainers(stream: NodeJS.ReadableStream, signal: AbortSignal): AsyncGenerator<string> {
  const { destroy } = stream as NodeJS.ReadableStream & { destroy(): void };
  signal.addEventListener('abort', () => destroy.call(stream), { once: true });
  let unfinished = '';
  for await (const chunk of stream) {
    const lines = (unfinished + String(chunk)).split('\n');
    unfinished = lines.pop() ?? '';
    if (unfinished.length > lineCharactersMax) throw new Error('an event has no end');
    for (const line of lines) {
      const container = line.trim() && readContainer(line);
      if (container) yield container;
    }
  }
}

function readContainer(line: string): string | undefined {
  const event = JSON.parse(line) as { Actor?: { Attributes?: Record<string, string> } };
  return event.Actor?.Attributes?.[labels.container];
}
