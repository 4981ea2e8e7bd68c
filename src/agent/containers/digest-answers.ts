/** Asks the managers what an image means before a container is created from it, so that all nodes run the same. */

import { setTimeout as pause } from 'node:timers/promises';
import { AppError } from '../../errors.ts';
import type { FoundImage } from '../engine/engine.ts';
import type { Reporter } from '../reports/reporter.ts';

export type DigestAnswers = {
  /**
   * @param found what this node has
   * @returns what all nodes run; null: it has no digest, each runs what it has under the name
   * @throws AppError `image_unresolved` after two minutes without an answer · the signal's reason
   */
  ask(question: DigestQuestion, found: FoundImage, signal: AbortSignal): Promise<string | null>;
  /** Ignored when no container waits for it. */
  answered(container: string, digest: string | null): void;
};

export type DigestQuestion = { container: string; causationId: string | null };

/** A report may be lost with the session it was sent under. */
const askAgainDefaultMs = 5_000;
/** As long as a registry may keep silent; a cluster without a manager starts nothing either. */
const deadlineDefaultMs = 120_000;

export function createDigestAnswers(
  { reporter }: { reporter: Pick<Reporter, 'report'> },
  { askAgainMs = askAgainDefaultMs, deadlineMs = deadlineDefaultMs } = {},
): DigestAnswers {
  const waiting = new Map<string, (digest: string | null) => void>();
  return {
    async ask({ container, causationId }, { digest, reason }, signal) {
      const answer = Promise.withResolvers<string | null>();
      waiting.set(container, answer.resolve);
      const answered = new AbortController();
      const until = AbortSignal.any([signal, answered.signal]);
      const repeat = async (): Promise<never> => {
        for (let waitedMs = 0; waitedMs < deadlineMs; waitedMs += askAgainMs) {
          reporter.report(container, { kind: 'image', causationId, digest, reason });
          await pause(askAgainMs, undefined, { signal: until });
        }
        const message = `no manager said within ${deadlineMs / 1_000} s which digest of the image the service runs`;
        throw new AppError('image_unresolved', message);
      };
      try {
        return await Promise.race([answer.promise, repeat()]);
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      } finally {
        answered.abort();
        waiting.delete(container);
      }
    },
    answered: (container, digest) => waiting.get(container)?.(digest),
  };
}
