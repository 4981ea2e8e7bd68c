/** What one container, or all of a service, prints: lines with the container they are of. A follower of a service gets new containers too. */

import { createNotifier } from '../concurrency/notifier.ts';
import { AppError, errorMessage } from '../errors.ts';
import { isTerminal } from '../model/container-machine.ts';
import type { LogLine, LogOptions } from '../model/stream.ts';
import type { Projector } from '../projections/live/projector.ts';
import type { ContainerView } from '../projections/view/cluster-view.ts';
import type { ClientStream } from './client-stream.ts';
import { endedContainersOf, lastLinesOf } from './last-lines.ts';
import type { LogPiece } from './log-piece.ts';
import type { StreamClient } from './stream-client.ts';
import { runningContainer, runningContainersOf } from './stream-target.ts';

export type LogsDeps = {
  client: StreamClient;
  projector: Pick<Projector, 'view' | 'onFolded'>;
};

/** At once, of one service. */
const containersMax = 100;
/** A wait ends with a fold or the signal; this only bounds a timer. */
const waitMs = 60_000;

/**
 * Resolves when the container's stream is open. Of one that has ended: the last lines, where the log keeps them.
 * @throws what `runningContainer` and `open` throw; so does the reading
 */
export async function readContainerLogs(
  { client, projector }: LogsDeps,
  id: string,
  options: LogOptions,
  signal: AbortSignal,
): Promise<AsyncGenerator<LogPiece>> {
  const found = projector.view.containers.get(id);
  const kept = found && isTerminal(found.state) ? lastLinesOf(found, options) : [];
  if (kept.length > 0) return toGenerator(kept);
  const { node } = runningContainer(projector.view, id);
  const stream = await client.open({ node, container: id }, { kind: 'logs', options }, signal);
  return piecesOf(id, stream);
}

/**
 * Resolves when the streams of all that run now are open. Without `follow` lines come in the order of their times, otherwise as they
 * arrive.
 * @throws AppError `service_not_found` · `container_not_running`: nothing is known of what they printed · `streams_full`: it has too many containers · when none opens: what the first was refused with
 */
export async function readServiceLogs(
  deps: LogsDeps,
  service: string,
  options: LogOptions,
  signal: AbortSignal,
): Promise<AsyncGenerator<LogPiece>> {
  const containers = runningContainersOf(deps.projector.view, service);
  if (containers.length > containersMax) {
    const message = `${service} has ${containers.length} containers, of which ${containersMax} can be read at once: name one`;
    throw new AppError('streams_full', message);
  }
  if (containers.length === 0 && !options.follow) return endedLogs(deps, service, options);
  const opened = await Promise.all(containers.map((container) => openOne(deps, container, options, signal)));
  const first = opened.find((one) => 'error' in one);
  if (first && opened.every((one) => 'error' in one)) throw first.error;
  if (!options.follow) return inOrderOfTime(opened.map(piecesOrProblem));
  return followAll(deps, { service, options, signal, opened });
}

/** @throws AppError `container_not_running`: nothing is known of what they printed */
function endedLogs({ projector }: LogsDeps, service: string, options: LogOptions): AsyncGenerator<LogPiece> {
  const ended = endedContainersOf(projector.view, service);
  if (ended.length === 0) {
    const message = `${service} has no container that runs, and the log has no lines of one that did in the last hour`;
    throw new AppError('container_not_running', message, { retryable: true });
  }
  return toGenerator(ended.flatMap((container) => lastLinesOf(container, options)));
}

async function* toGenerator(pieces: readonly LogPiece[]): AsyncGenerator<LogPiece> {
  yield* pieces;
}

type Opened = { container: string } & ({ stream: ClientStream } | { error: unknown });

async function openOne(
  { client }: LogsDeps,
  { id: container, node }: ContainerView,
  options: LogOptions,
  signal: AbortSignal,
): Promise<Opened> {
  try {
    return { container, stream: await client.open({ node, container }, { kind: 'logs', options }, signal) };
  } catch (error) {
    return { container, error };
  }
}

async function* piecesOf(container: string, stream: ClientStream): AsyncGenerator<LogPiece> {
  for await (const chunk of stream.chunks()) {
    if (chunk.kind === 'lines') yield { container, lines: chunk.lines };
  }
}

/** Of several containers one may fail: the others go on. */
async function* piecesOrProblem(opened: Opened): AsyncGenerator<LogPiece> {
  const { container } = opened;
  try {
    if ('error' in opened) throw opened.error;
    yield* piecesOf(container, opened.stream);
  } catch (error) {
    const code = error instanceof AppError ? error.code : 'internal';
    yield { container, problem: { code, detail: errorMessage(error) } };
  }
}

/** The oldest line first, of streams that each are in order and come to an end. */
async function* inOrderOfTime(sources: AsyncGenerator<LogPiece>[]): AsyncGenerator<LogPiece> {
  type Head = { source: AsyncGenerator<LogPiece>; container: string; lines: LogLine[] };
  const heads: Head[] = [];
  const advance = async function* (source: AsyncGenerator<LogPiece>): AsyncGenerator<LogPiece> {
    for (let next = await source.next(); !next.done; next = await source.next()) {
      const piece = next.value;
      if ('lines' in piece) return void heads.push({ source, container: piece.container, lines: [...piece.lines] });
      yield piece;
    }
  };
  try {
    for (const source of sources) yield* advance(source);
    while (heads.length > 0) {
      heads.sort((a, b) => (a.lines[0]!.at < b.lines[0]!.at ? -1 : 1));
      const [oldest, second] = heads as [Head, Head?];
      const until = second?.lines[0]?.at;
      const end = oldest.lines.findIndex(({ at }) => until !== undefined && at > until);
      const lines = oldest.lines.splice(0, end < 0 ? oldest.lines.length : Math.max(1, end));
      yield { container: oldest.container, lines };
      if (oldest.lines.length > 0) continue;
      heads.shift();
      yield* advance(oldest.source);
    }
  } finally {
    await Promise.all(sources.map((source) => source.return(undefined)));
  }
}

type Following = { service: string; options: LogOptions; signal: AbortSignal; opened: Opened[] };

/** As pieces arrive, one at a time of each container. What starts later is read from its beginning. Ends when the service is gone. */
async function* followAll(deps: LogsDeps, { service, options, signal, opened }: Following): AsyncGenerator<LogPiece> {
  const { projector } = deps;
  const ending = new AbortController();
  const ends = AbortSignal.any([signal, ending.signal]);
  const arrived = createNotifier(ends);
  const unsubscribe = projector.onFolded(arrived.notify);
  const mailbox: { piece: LogPiece; taken: () => void }[] = [];
  const followed = new Set<string>();
  let readers = 0;
  /** Of the last fact about the service when its containers were looked at. */
  let lookedAt = 0;

  const read = async (source: AsyncGenerator<LogPiece>) => {
    readers += 1;
    for await (const piece of source) {
      await new Promise<void>((taken) => {
        mailbox.push({ piece, taken });
        arrived.notify();
      });
      if (ends.aborted) break;
    }
    readers -= 1;
    arrived.notify();
  };
  const follow = (one: Opened) => {
    followed.add(one.container);
    void read(piecesOrProblem(one));
  };
  const followNew = () => {
    const position = projector.view.services.get(service)?.position ?? 0;
    if (position === lookedAt) return;
    lookedAt = position;
    const fresh = runningContainersOf(projector.view, service).filter(({ id }) => !followed.has(id));
    for (const container of fresh.slice(0, Math.max(0, containersMax - readers))) {
      followed.add(container.id);
      void openOne(deps, container, { ...options, tail: null }, ends).then(follow);
    }
  };

  try {
    for (const one of opened) follow(one);
    while (!ends.aborted) {
      arrived.reset();
      for (let next = mailbox.shift(); next; next = mailbox.shift()) {
        yield next.piece;
        next.taken();
      }
      if (!projector.view.services.has(service) && readers === 0) return;
      if (projector.view.services.has(service)) followNew();
      await arrived.wait(waitMs);
    }
  } finally {
    unsubscribe();
    ending.abort(new AppError('client_gone', 'its client has left'));
    for (const one of opened) if ('stream' in one) one.stream.close();
    for (const { taken } of mailbox) taken();
    arrived.close();
  }
}
