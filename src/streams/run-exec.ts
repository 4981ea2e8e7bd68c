/** Runs a command inside a container for a person: recorded before it begins and when it ends, whatever becomes of it. */

import type { Clock } from '../clock.ts';
import { AppError, errorMessage } from '../errors.ts';
import type { EventLog } from '../events/log/event-log.ts';
import { streams } from '../events/schema/event.ts';
import type { Logger } from '../logger.ts';
import type { ExecOptions } from '../model/stream.ts';
import type { Projector } from '../projections/live/projector.ts';
import type { ClientStream } from './client-stream.ts';
import type { StreamClient } from './stream-client.ts';
import { runningContainer } from './stream-target.ts';

export type ExecDeps = {
  client: StreamClient;
  projector: Pick<Projector, 'view'>;
  log: Pick<EventLog, 'append' | 'read'>;
  clock: Clock;
  logger: Logger;
};

export type ExecRequest = { container: string; options: ExecOptions; actor: string; requestId: string };

/** How much of what went wrong is recorded. */
const reasonCharactersMax = 512;

/**
 * Resolves when the command runs. Its start is in the log before the agent hears of it, on a stream of its own: a plan or a report about
 * the container is not decided again because of it.
 * @throws what `runningContainer`, the log and `open` throw
 */
export async function runExec(
  { client, projector, log, clock, logger }: ExecDeps,
  { container, options, actor, requestId }: ExecRequest,
  signal: AbortSignal,
): Promise<ClientStream> {
  const { node, service } = runningContainer(projector.view, container);
  const stream = streams.exec(container);
  const subject = { container, service, node };
  const { command, tty, stdin } = options;
  const started = await log.append([
    {
      stream,
      type: 'ExecStarted',
      data: { ...subject, command, tty, stdin },
      meta: { actor, requestId, causationId: null },
    },
  ]);
  const startedMs = clock.monotonicMs();

  const recordEnd = async (exitCode: number | null, error: unknown) => {
    const seconds = Math.round((clock.monotonicMs() - startedMs) / 1000);
    const reason = error === null ? null : reasonOf(error);
    const causationId = await eventIdAt(log, started.first);
    const meta = { actor, requestId, causationId };
    await log.append([{ stream, type: 'ExecEnded', data: { ...subject, exitCode, seconds, reason }, meta }]);
  };
  const onEnd = (exitCode: number | null, error: unknown) =>
    void recordEnd(exitCode, error).catch((problem: unknown) =>
      logger.error({ err: problem, container }, 'the end of a command in a container is not recorded'),
    );

  try {
    const opened = await client.open({ node, container }, { kind: 'exec', options }, signal);
    opened.onOver((error) => onEnd(opened.exitCode(), error));
    return opened;
  } catch (error) {
    onEnd(null, error);
    throw error;
  }
}

async function eventIdAt(log: ExecDeps['log'], position: number): Promise<string | null> {
  const { events } = await log.read({ after: position - 1, to: position, limit: 1 });
  return events[0]?.meta.eventId ?? null;
}

function reasonOf(error: unknown): string {
  if (error instanceof AppError && error.code === 'client_gone') return 'its client left';
  return errorMessage(error).slice(0, reasonCharactersMax);
}
