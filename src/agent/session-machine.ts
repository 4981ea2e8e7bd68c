/**
 * The node's registration as a statechart: an inventory is taken and sent until a wanted set answers. The session that
 * was accepted last stays valid meanwhile.
 *
 * Always holds:
 * - one registration at a time, repeated under its own id until it is answered or replaced;
 * - what the broker has is not sent again before its answer is overdue or the answerer asks for it: a second one would
 *   take the session of the first.
 */

import { assign, fromPromise, setup } from 'xstate';
import type { Refusal, RegisterReport } from '../bus/messages.ts';

export type Holder = Refusal['holder'];

export type Inventory = Pick<RegisterReport, 'engine' | 'inventory'>;

export type Registration = Inventory & Pick<RegisterReport, 'registrationId' | 'readsQueue'>;

/** A session of the log, and the position of its last wanted set. */
export type Accepted = { session: number; position: number };

export type SessionEvent =
  /** The bus is connected (again). The bus sends again by itself what it could not confirm. */
  | { type: 'connected' }
  /** A new registration, whatever is under way. */
  | { type: 'register' }
  /** A manager heard a session it does not know. */
  | { type: 'resync' }
  /** A leader of an earlier version is there: its set does not say which registration it has seen. */
  | { type: 'retryNow' }
  | ({ type: 'accepted' } & Accepted)
  /** A challenge for this instance came through the node's queue: no other agent reads it. */
  | { type: 'challenged' }
  /** The node is another instance's. */
  | { type: 'refused'; refusal: Refusal }
  | { type: 'close' };

export type SessionOperations = {
  newRegistrationId(): string;
  /** Waits for an engine that does not answer. */
  takeInventory(interrupted: AbortSignal): Promise<Inventory>;
  /** Settles when the bus has it. */
  send(registration: Registration): Promise<void>;
  /** @param afterMs how long an answer was waited for */
  onUnanswered(afterMs: number): void;
  onFailed(error: unknown, what: 'inventory' | 'delivery'): void;
  onRefused(holder: Holder, isNews: boolean): void;
};

type Context = {
  operations: SessionOperations;
  accepted: Accepted | null;
  /** Of the last registration, answered or not. */
  registrationId: string | null;
  /** What is being sent. */
  registration: Registration | null;
  /** A challenge proved it since the last registration was sent. */
  readsQueue: boolean;
  answerMs: number;
  /** What came while a registration was being sent. */
  isRetryDue: boolean;
  isReconnected: boolean;
  /** Another agent that has the node. */
  holder: Holder | null;
};

/** An answer takes milliseconds; without one the manager that should have given it is gone. */
const answerMinMs = 2_000;
const answerMaxMs = 15_000;

export const sessionMachine = setup({
  types: {} as { context: Context; events: SessionEvent; input: { operations: SessionOperations } },
  actors: {
    takeInventory: fromPromise<Inventory, SessionOperations>(({ input, signal }) => input.takeInventory(signal)),
    send: fromPromise<void, { operations: SessionOperations; registration: Registration }>(({ input }) =>
      input.operations.send(input.registration),
    ),
  },
  actions: {
    begin: assign(({ context }) => ({
      registrationId: context.operations.newRegistrationId(),
      readsQueue: false,
      answerMs: answerMinMs,
    })),
    waitLonger: assign({ answerMs: ({ context }) => Math.min(context.answerMs * 2, answerMaxMs) }),
    forgetSession: assign({ accepted: null }),
    noteQueueRead: assign({ readsQueue: true }),
    reportUnanswered: ({ context }) => context.operations.onUnanswered(context.answerMs),
  },
  delays: {
    answerTimeout: ({ context }) => context.answerMs,
    /** The holder is lost in about this time, if it is. */
    refusedRetry: 5_000,
    failedRetry: answerMaxMs,
    /** A resync this soon after an answer is about a heartbeat of the session before. If not, the next one brings another. */
    settling: 1_500,
  },
  guards: {
    isRetryDue: ({ context }) => context.isRetryDue,
    isRetryOrReconnected: ({ context }) => context.isRetryDue || context.isReconnected,
  },
}).createMachine({
  id: 'session',
  context: ({ input }) => ({
    ...{ operations: input.operations, accepted: null, holder: null, registrationId: null, registration: null },
    ...{ readsQueue: false, answerMs: answerMinMs, isRetryDue: false, isReconnected: false },
  }),
  initial: 'open',
  states: {
    open: {
      initial: 'unregistered',
      on: {
        register: '.registering',
        accepted: {
          target: '.registered',
          actions: assign({
            accepted: ({ event: { session, position } }) => ({ session, position }),
            holder: null,
          }),
        },
        close: 'closed',
      },
      states: {
        unregistered: { on: { connected: 'registering', resync: 'registering' } },
        registering: {
          entry: 'begin',
          initial: 'takingInventory',
          on: {
            challenged: { actions: 'noteQueueRead' },
            refused: {
              guard: ({ context, event }) => event.refusal.registrationId === context.registrationId,
              target: '.refused',
              actions: [
                ({ context: { operations, holder }, event: { refusal } }) =>
                  operations.onRefused(refusal.holder, holder?.instance.id !== refusal.holder.instance.id),
                assign({ holder: ({ event }) => event.refusal.holder }),
                'forgetSession',
              ],
            },
          },
          states: {
            takingInventory: {
              entry: assign({ isRetryDue: false, isReconnected: false }),
              // Asked a second time: the engine is away, and the managers have given the node up.
              on: { resync: { actions: 'forgetSession' } },
              invoke: {
                src: 'takeInventory',
                input: ({ context }) => context.operations,
                onDone: {
                  target: 'sending',
                  actions: assign(({ context: { registrationId, readsQueue }, event }) => ({
                    registration: {
                      registrationId: registrationId!,
                      ...(readsQueue ? { readsQueue } : {}),
                      ...event.output,
                    },
                    // A proof holds for the registration after it only.
                    readsQueue: false,
                  })),
                },
                onError: {
                  target: 'failed',
                  actions: ({ context, event }) => context.operations.onFailed(event.error, 'inventory'),
                },
              },
            },
            failed: { after: { failedRetry: 'takingInventory' } },
            sending: {
              invoke: {
                src: 'send',
                input: ({ context }) => ({ ...context, registration: context.registration! }),
                onDone: 'delivered',
                onError: {
                  target: 'undelivered',
                  actions: ({ context, event }) => context.operations.onFailed(event.error, 'delivery'),
                },
              },
              on: {
                retryNow: { actions: assign({ isRetryDue: true }) },
                challenged: { actions: ['noteQueueRead', assign({ isRetryDue: true })] },
                connected: { actions: assign({ isReconnected: true, answerMs: answerMinMs }) },
              },
            },
            /** The broker has it, and the answer waits in the node's queue if there is one. */
            delivered: {
              always: { guard: 'isRetryDue', target: 'takingInventory' },
              after: { answerTimeout: { target: 'takingInventory', actions: ['reportUnanswered', 'waitLonger'] } },
              on: {
                retryNow: 'takingInventory',
                challenged: { target: 'takingInventory', actions: 'noteQueueRead' },
                connected: { target: 'delivered', reenter: true, actions: assign({ answerMs: answerMinMs }) },
              },
            },
            undelivered: {
              always: { guard: 'isRetryOrReconnected', target: 'takingInventory' },
              after: { answerTimeout: { target: 'takingInventory', actions: ['reportUnanswered', 'waitLonger'] } },
              on: {
                retryNow: 'takingInventory',
                challenged: { target: 'takingInventory', actions: 'noteQueueRead' },
                connected: 'takingInventory',
              },
            },
            refused: { after: { refusedRetry: 'takingInventory' } },
          },
        },
        registered: {
          initial: 'settling',
          on: { connected: 'registering' },
          states: {
            settling: { after: { settling: 'settled' } },
            settled: { on: { resync: '#session.open.registering' } },
          },
        },
      },
    },
    closed: { type: 'final' },
  },
});
