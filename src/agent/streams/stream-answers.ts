/** The answers of one stream, in order: each waits for credit of the manager, and for its turn in what the node sends in all. */

import type { AgentBus } from '../../bus/bus.ts';
import { type AnswerBody, chargeOf, type OpenRequest } from '../../bus/stream-messages.ts';
import type { ByteRate } from '../../concurrency/byte-rate.ts';
import { createMutex } from '../../concurrency/mutex.ts';
import { createNotifier } from '../../concurrency/notifier.ts';

export type StreamAnswers = {
  /** Resolves when the broker has it. @throws the signal's reason · what the bus throws */
  send(body: AnswerBody): Promise<void>;
  addCredit(bytes: number): void;
  /** Without credit, and also when the signal has aborted. */
  sendEnd(body: Extract<AnswerBody, { kind: 'end' }>): Promise<void>;
};

type Deps = { bus: Pick<AgentBus, 'sendStreamAnswer'>; rate: ByteRate };

/** A wait for credit ends with the signal; this only bounds a timer. */
const creditWaitMs = 60_000;

export function createStreamAnswers({ bus, rate }: Deps, open: OpenRequest, signal: AbortSignal): StreamAnswers {
  const { clusterId, node, manager, streamId } = open;
  const inOrder = createMutex();
  const notifier = createNotifier(signal);
  let credit = open.credit;
  let sequence = 0;

  const publish = async (body: AnswerBody) => {
    sequence += 1;
    await bus.sendStreamAnswer({ ...body, clusterId, node, manager, streamId, sequence });
  };

  return {
    send: (body) =>
      inOrder(async () => {
        signal.throwIfAborted();
        const charge = chargeOf(body);
        if (charge > 0) {
          while (credit <= 0) {
            notifier.reset();
            await notifier.wait(creditWaitMs);
            signal.throwIfAborted();
          }
          credit -= charge;
          await rate.take(charge, signal);
        }
        await publish(body);
      }),
    addCredit(bytes) {
      credit += bytes;
      notifier.notify();
    },
    sendEnd: (body) =>
      inOrder(async () => {
        notifier.close();
        await publish(body);
      }),
  };
}
