/** The answers of one stream, in order: each waits for credit of the manager, and for its turn in what the node sends in all. */

import type { AgentBus } from '../../bus/bus.ts';
import { type AnswerBody, chargeOf, type OpenRequest } from '../../bus/stream-messages.ts';
import type { ByteRate } from '../../concurrency/byte-rate.ts';
import { createCredit } from '../../concurrency/credit.ts';
import { createMutex } from '../../concurrency/mutex.ts';

export type StreamAnswers = {
  /** Resolves when the broker has it. @throws the signal's reason · what the bus throws */
  send(body: AnswerBody): Promise<void>;
  addCredit(bytes: number): void;
  /** Without credit, and also when the signal has aborted. */
  sendEnd(body: Extract<AnswerBody, { kind: 'end' }>): Promise<void>;
};

type Deps = { bus: Pick<AgentBus, 'sendStreamAnswer'>; rate: ByteRate };

export function createStreamAnswers({ bus, rate }: Deps, open: OpenRequest, signal: AbortSignal): StreamAnswers {
  const { clusterId, node, manager, streamId } = open;
  const inOrder = createMutex();
  const credit = createCredit(open.credit, signal);
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
          await credit.take(charge);
          await rate.take(charge, signal);
        }
        await publish(body);
      }),
    addCredit: credit.add,
    sendEnd: (body) => inOrder(() => publish(body)),
  };
}
