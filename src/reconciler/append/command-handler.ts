/**
 * Handles commands of clients: decides on the live view and appends the decision. A command repeated under the same
 * append id is answered from the log.
 */

import type { Clock } from '../../clock.ts';
import { AppError } from '../../errors.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import type { Projector } from '../../projections/live/projector.ts';
import { type ApiRequest, decide, type Outcome, outcomeOf } from '../commands/decide.ts';
import type { DecideSettings } from '../commands/decide-node.ts';
import type { RequestContext } from '../commands/decision.ts';
import { type Resource, resourcesOf } from '../commands/resources.ts';
import { createAppendDecision } from './append-decision.ts';
import { createCatchUp } from './catch-up.ts';

/** Names a command across repeats: the id of its append, and what a repeat has to be equal in. */
export type Idempotency = { appendId: string; requestHash: string };

export type Command = {
  request: ApiRequest;
  context: RequestContext;
  /** null: a repeat is another command. */
  idempotency: Idempotency | null;
  /** null: the command does not depend on what there is. */
  precondition: Precondition | null;
};

/**
 * What must hold of what a command is about, on the view that it is decided on; checked again after each conflict. Pure.
 * @param position of the last fact of the view
 * @throws AppError when it does not hold
 */
export type Precondition = (resources: readonly Resource[], position: number) => void;

/**
 * `position`: of the last event; a view at it holds the change. `repeated`: the command was in the log already.
 * `version`: of the stream then; null when the change has several events.
 */
export type CommandResult = Outcome & { position: number; version: number | null; repeated: boolean };

/**
 * Resolves once the change is durable, and this manager's view holds it unless it is more than a second behind.
 * @throws AppError of decide and of append · `idempotency_key_reused` · `expectation_failed` when other writers kept
 *   changing the same for 5 s
 */
export type HandleCommand = (command: Command) => Promise<CommandResult>;

const appendDeadlineMs = 5_000;
/** The fold of the own append is usually done already; a view that is behind must not keep the answer. */
const ownFoldDeadlineMs = 1_000;

type Deps = {
  log: Pick<EventLog, 'append' | 'findAppend' | 'head' | 'read'>;
  projector: Pick<Projector, 'view' | 'waitFor'>;
  clock: Pick<Clock, 'monotonicMs'>;
};

export function createCommandHandler({ log, projector, clock }: Deps, settings: DecideSettings): HandleCommand {
  const appendDecision = createAppendDecision({ log, projector, clock });
  const catchUp = createCatchUp({ log, projector });

  const decideAndAppend = async (command: Command): Promise<CommandResult> => {
    const { request, context, idempotency, precondition } = command;
    const result = await appendDecision(() => {
      const { view } = projector;
      const { events, expect } = decide(view, request, context, settings);
      precondition?.(resourcesOf(view, request), view.factPosition);
      return { events, options: { expect, deadlineMs: appendDeadlineMs, ...idempotency } };
    });
    if (result.kind === 'conflict') throw result.error;
    const { first, last, repeated } = result.appended!;
    if (repeated) return answerFromLog(first, last);
    // The change is in the log: a view that is behind does not make the answer an error.
    await projector.waitFor(last, ownFoldDeadlineMs).catch(() => undefined);
    const { events, options } = result.decision;
    const [only] = options.expect;
    const version = events.length === 1 && only ? only.version + 1 : null;
    return { ...outcomeOf(events), position: last, version, repeated: false };
  };

  const answerFromLog = async (first: number, last: number): Promise<CommandResult> => {
    const { events } = await log.read({ after: first - 1, to: last, limit: last - first + 1 });
    const version = events.length === 1 ? events[0]!.version : null;
    return { ...outcomeOf(events), position: last, version, repeated: true };
  };

  /** A client may know, from another manager, a version that this view does not have yet. */
  const decideUpToDate = async (command: Command): Promise<CommandResult> => {
    try {
      return await decideAndAppend(command);
    } catch (error) {
      if (!command.precondition || !isRefusal(error)) throw error;
      await catchUp();
      return decideAndAppend(command);
    }
  };

  /** null: there was none. @throws AppError `idempotency_key_reused` */
  const findFirst = async ({ appendId, requestHash }: Idempotency): Promise<CommandResult | null> => {
    const found = await log.findAppend(appendId);
    if (!found) return null;
    if (found.requestHash !== requestHash) {
      throw new AppError('idempotency_key_reused', 'this Idempotency-Key was used for another request');
    }
    return answerFromLog(found.first, found.first + found.count - 1);
  };

  return async (command) => {
    try {
      return await decideUpToDate(command);
    } catch (error) {
      // The cluster has changed since the first time, so a repeat may be refused now; the first answer still holds.
      const first = command.idempotency && isRefusal(error) ? await findFirst(command.idempotency) : null;
      if (first) return first;
      throw error;
    }
  };
}

const isRefusal = (error: unknown) =>
  error instanceof AppError && !error.retryable && error.code !== 'idempotency_key_reused';
