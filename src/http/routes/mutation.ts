/**
 * Owns the way of a change into the log: decide on the live view, append expecting what was decided from, look again
 * when others were faster. A repeat of an Idempotency-Key is answered from the log.
 */

import { createHash } from 'node:crypto';
import { v5 as uuidv5 } from 'uuid';
import type { Clock } from '../../clock.ts';
import { AppError, hasCode } from '../../errors.ts';
import type { EventLog } from '../../events/log/event-log.ts';
import { canonicalJson } from '../../events/schema/canonical-json.ts';
import type { Projector } from '../../projections/live/projector.ts';
import { type ApiRequest, decide, type Outcome, outcomeOf } from '../../reconciler/commands/decide.ts';

export type MutationCall = {
  request: ApiRequest;
  actor: string;
  requestId: string;
  method: string;
  path: string;
  /** Value of the Idempotency-Key header. */
  key: string | null;
  body: unknown;
};

/** `position`: of the last event; a view at it holds the change. */
export type MutationResult = Outcome & { position: number; repeated: boolean };

/**
 * Resolves once the change is durable and this manager's view holds it.
 * @throws AppError of decide and of append; `expectation_failed` when others kept changing the same for 5 s
 */
export type Mutate = (call: MutationCall) => Promise<MutationResult>;

/** How long a caller is kept while others change the same streams; each round takes one commit. */
const conflictDeadlineMs = 5_000;
const appendDeadlineMs = 5_000;
/** The fold of the own append is usually done already; a view that is stuck must not keep the answer. */
const ownFoldDeadlineMs = 1_000;

type Deps = { log: EventLog; projector: Projector; clock: Pick<Clock, 'monotonicMs'> };

export function createMutate({ log, projector, clock }: Deps, { clusterId }: { clusterId: string }): Mutate {
  const { view } = projector;

  const answerFromLog = async (first: number, last: number): Promise<MutationResult> => {
    const { events } = await log.read({ after: first - 1, to: last, limit: last - first + 1 });
    return { ...outcomeOf(events), position: last, repeated: true };
  };

  /** null: the key is new. @throws AppError `idempotency_key_reused` */
  const findFirst = async ({ appendId, requestHash }: KeyedAppend): Promise<MutationResult | null> => {
    const found = await log.findAppend(appendId);
    if (!found) return null;
    if (found.requestHash !== requestHash) {
      throw new AppError('idempotency_key_reused', 'this Idempotency-Key was used for another request');
    }
    return answerFromLog(found.first, found.first + found.count - 1);
  };

  const catchUp = async () => {
    const { position } = await log.head();
    await projector.waitFor(position);
  };

  /** null: others were faster, look again. */
  const attempt = async (call: MutationCall, keyed: KeyedAppend | null): Promise<MutationResult | null> => {
    const { events, expect } = decide(view, call.request, call);
    try {
      const result = await log.append(events, { expect, deadlineMs: appendDeadlineMs, ...keyed });
      if (result.repeated) return await answerFromLog(result.first, result.last);
      // It is in the log whatever becomes of the view: a view that is behind does not make the answer an error.
      await projector.waitFor(result.last, ownFoldDeadlineMs).catch(() => undefined);
      return { ...outcomeOf(events), position: result.last, repeated: false };
    } catch (error) {
      if (!hasCode(error, 'expectation_failed')) throw error;
      return null;
    }
  };

  return async (call) => {
    const keyed = call.key === null ? null : keyedAppend(call, call.key, clusterId);
    const startedMs = clock.monotonicMs();
    try {
      for (;;) {
        const result = await attempt(call, keyed);
        if (result) return result;
        if (clock.monotonicMs() - startedMs > conflictDeadlineMs) {
          throw new AppError('expectation_failed', 'others kept changing the same; try again');
        }
        await catchUp();
      }
    } catch (error) {
      // The cluster has moved on since the first time, so the same request may be refused now; its answer stands.
      const first = keyed && isRefusal(error) ? await findFirst(keyed) : null;
      if (first) return first;
      throw error;
    }
  };
}

const isRefusal = (error: unknown) =>
  error instanceof AppError && !error.retryable && error.code !== 'idempotency_key_reused';

type KeyedAppend = { appendId: string; requestHash: string };

function keyedAppend({ actor, method, path, body }: MutationCall, key: string, clusterId: string): KeyedAppend {
  const requestHash = createHash('sha256')
    .update(canonicalJson(body ?? null))
    .digest('hex');
  return { appendId: uuidv5(JSON.stringify([actor, method, path, key]), clusterId), requestHash };
}
