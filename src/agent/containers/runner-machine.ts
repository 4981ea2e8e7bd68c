/**
 * The life of one container on this node as a statechart: which operation on the engine is under way, what may interrupt
 * it, and what is reported. Its top states are the phases the rest of the agent sees. What the operations do is given as
 * input, so that hundreds of runners share one machine.
 *
 * Always holds:
 * - a container is started at most once, and not after a stop or a removal came;
 * - one end is reported, and only a confirmed end lets the engine forget the container.
 */

import { assign, fromCallback, fromPromise, setup } from 'xstate';
import type { EngineContainer } from '../engine/engine.ts';
import type { ReportBody } from '../reports/reporter.ts';
import type { Run } from './container-start.ts';

/** The fact behind a command. */
export type Cause = { position: number; causationId: string | null };

export type StartEvent = { type: 'start'; run: Run; cause: Cause; after: Promise<unknown> };
export type AdoptEvent = { type: 'adopt'; run: Run; cause: Cause; found: EngineContainer; isNewsToLog: boolean };
export type EndEvent = { type: 'end'; run: Run; cause: Cause; found: EngineContainer | null; wasStarted: boolean };
export type StopEvent = { type: 'stop'; cause: Cause; timeoutSeconds: number };
export type RemoveEvent = { type: 'remove'; cause: Cause; reason: string };

export type RunnerEvent =
  | StartEvent
  | AdoptEvent
  | EndEvent
  | StopEvent
  | RemoveEvent
  /** The log knows its end. */
  | { type: 'settle' }
  | { type: 'repeat' }
  /** Something may have happened to it on the engine. */
  | { type: 'look' }
  /** The bus has the last report. */
  | { type: 'confirmed' };

/** What an operation found: it runs, or it has ended. */
export type Outcome = { isRunning: boolean; report: ReportBody };

/**
 * Each runs after the one before it has settled, also after one that was interrupted.
 * @throws when the agent closes; what else is thrown is logged
 */
export type Operations = {
  start(command: StartEvent, interrupted: AbortSignal): Promise<Outcome>;
  /** null: it runs, as is known. */
  look(run: Run, interrupted: AbortSignal): Promise<Outcome | null>;
  conclude(command: EndEvent): Promise<Outcome>;
  stop(command: StopEvent): Promise<Outcome>;
  /** null: the engine did not have it. */
  remove(command: RemoveEvent): Promise<ReportBody | null>;
  clear(): Promise<void>;

  /** Of a container whose check the agent makes itself: until the signal aborts. */
  probe(run: Run, signal: AbortSignal): void;

  reportRunning(command: AdoptEvent): ReportBody;
  reportStarting(command: StartEvent): ReportBody;
  report(report: ReportBody): void;
  /** Its health is reported again with the next look. */
  forgetHealth(): void;
  /** `confirmed` is sent when the bus has it. @param run null: it was removed before it was known what it was */
  reportUntilConfirmed(report: ReportBody, run: Run | null): void;
  /** Forgets reports that wait. */
  dropReports(): void;
  /** The engine has it no more and its end is confirmed. */
  onCleared(): void;
};

type Context = {
  operations: Operations;
  /** Of the last command applied; 0: none. */
  position: number;
  run: Run | null;
  /** What is reported when it is asked for again: the present state, in the end the final report. */
  report: ReportBody | null;
  /** A hint came while it could not be followed. */
  isHinted: boolean;
};

type Input<T> = { operations: Operations; command: T };

export const runnerMachine = setup({
  types: {} as { context: Context; events: RunnerEvent; input: { operations: Operations } },
  actors: {
    start: fromPromise<Outcome, Input<StartEvent>>(({ input, signal }) =>
      input.operations.start(input.command, signal),
    ),
    look: fromPromise<Outcome | null, Input<Run>>(({ input, signal }) => input.operations.look(input.command, signal)),
    conclude: fromPromise<Outcome, Input<EndEvent>>(({ input }) => input.operations.conclude(input.command)),
    stop: fromPromise<Outcome, Input<StopEvent>>(({ input }) => input.operations.stop(input.command)),
    remove: fromPromise<ReportBody | null, Input<RemoveEvent>>(({ input }) => input.operations.remove(input.command)),
    probing: fromCallback<RunnerEvent, Input<Run>>(({ input }) => {
      const ending = new AbortController();
      input.operations.probe(input.command, ending.signal);
      return () => ending.abort();
    }),
    clear: fromPromise<void, Pick<Context, 'operations'>>(({ input }) => input.operations.clear()),
  },
  actions: {
    notePosition: assign({
      position: ({ context, event }) => ('cause' in event ? event.cause.position : context.position),
    }),
    noteHint: assign({ isHinted: true }),
    forgetHint: assign({ isHinted: false }),
    reportAgain: ({ context }) => {
      if (context.report) context.operations.report(context.report);
    },
    reportUntilConfirmed: ({ context }) => {
      if (context.report) context.operations.reportUntilConfirmed(context.report, context.run);
    },
    forgetHealth: ({ context }) => context.operations.forgetHealth(),
    dropReports: ({ context }) => context.operations.dropReports(),
    onCleared: ({ context }) => context.operations.onCleared(),
  },
  guards: { isHinted: ({ context }) => context.isHinted },
}).createMachine({
  id: 'runner',
  context: ({ input }) => ({ ...input, position: 0, run: null, report: null, isHinted: false }),
  initial: 'waiting',
  on: { stop: { actions: 'notePosition' } },
  states: {
    waiting: {
      initial: 'new',
      on: {
        stop: { target: 'stopping.stop', actions: 'notePosition' },
        remove: { target: 'stopping.removal', actions: 'notePosition' },
        look: { actions: 'noteHint' },
        repeat: { actions: 'reportAgain' },
      },
      states: {
        new: {
          on: {
            start: {
              target: 'starting',
              actions: assign({
                position: ({ event }) => event.cause.position,
                run: ({ event }) => event.run,
                report: ({ context, event }) => context.operations.reportStarting(event),
              }),
            },
            adopt: {
              target: '#runner.running',
              actions: assign({
                position: ({ event }) => event.cause.position,
                run: ({ event }) => event.run,
                report: ({ context, event }) => context.operations.reportRunning(event),
              }),
            },
            end: {
              target: '#runner.ended.concluding',
              actions: assign({ position: ({ event }) => event.cause.position, run: ({ event }) => event.run }),
            },
          },
        },
        starting: {
          invoke: {
            src: 'start',
            input: ({ context, event }) => ({ ...context, command: event as StartEvent }),
            onDone: [
              {
                guard: ({ event }) => event.output.isRunning,
                target: '#runner.running',
                actions: [assign({ report: ({ event }) => event.output.report }), 'reportAgain'],
              },
              { target: '#runner.ended.reported', actions: assign({ report: ({ event }) => event.output.report }) },
            ],
            // Only when the agent closes: the engine keeps what it has, and the next agent finds it.
            onError: 'halted',
          },
        },
        halted: {},
      },
    },
    running: {
      invoke: { src: 'probing', input: ({ context }) => ({ ...context, command: context.run! }) },
      initial: 'steady',
      on: {
        stop: { target: 'stopping.stop', actions: 'notePosition' },
        remove: { target: 'stopping.removal', actions: 'notePosition' },
        look: { actions: 'noteHint' },
        repeat: { actions: ['reportAgain', 'forgetHealth', 'noteHint'] },
      },
      states: {
        steady: { always: { guard: 'isHinted', target: 'looking' } },
        looking: {
          entry: 'forgetHint',
          invoke: {
            src: 'look',
            input: ({ context }) => ({ ...context, command: context.run! }),
            onDone: [
              { guard: ({ event }) => event.output === null, target: 'steady' },
              {
                target: '#runner.ended.reported',
                actions: assign({ report: ({ event }) => event.output?.report ?? null }),
              },
            ],
            onError: 'steady',
          },
        },
      },
    },
    stopping: {
      initial: 'stop',
      states: {
        stop: {
          on: { remove: { target: 'removal', actions: 'notePosition' } },
          invoke: {
            src: 'stop',
            input: ({ context, event }) => ({ ...context, command: event as StopEvent }),
            onDone: {
              target: '#runner.ended.reported',
              actions: assign({ report: ({ event }) => event.output.report }),
            },
            onError: 'failed',
          },
        },
        removal: {
          invoke: {
            src: 'remove',
            input: ({ context, event }) => ({ ...context, command: event as RemoveEvent }),
            onDone: { target: '#runner.ended.removed', actions: assign({ report: ({ event }) => event.output }) },
            onError: 'failed',
          },
        },
        failed: {
          on: {
            stop: { target: 'stop', actions: 'notePosition' },
            remove: { target: 'removal', actions: 'notePosition' },
          },
        },
      },
    },
    ended: {
      initial: 'reported',
      on: {
        remove: { target: '.removal', actions: 'notePosition' },
        settle: { target: '.clearing', actions: 'dropReports' },
      },
      states: {
        concluding: {
          invoke: {
            src: 'conclude',
            input: ({ context, event }) => ({ ...context, command: event as EndEvent }),
            onDone: { target: 'reported', actions: assign({ report: ({ event }) => event.output.report }) },
            onError: 'kept',
          },
        },
        reported: {
          entry: 'reportUntilConfirmed',
          on: { confirmed: 'clearing', repeat: { target: 'reported', reenter: true } },
        },
        clearing: {
          invoke: { src: 'clear', input: ({ context }) => context, onDone: 'cleared', onError: 'kept' },
        },
        /** The engine would not remove it: the next sync asks again. */
        kept: { on: { repeat: 'reported' } },
        cleared: { entry: 'onCleared', on: { repeat: 'reported' } },
        removal: {
          invoke: {
            src: 'remove',
            input: ({ context, event }) => ({ ...context, command: event as RemoveEvent }),
            onDone: { target: 'removed', actions: assign({ report: ({ event }) => event.output }) },
            onError: 'kept',
          },
          on: { remove: { actions: 'notePosition' }, settle: {} },
        },
        /** Gone from the engine without an end in the log; that is reported if it was there. */
        removed: {
          entry: 'reportUntilConfirmed',
          always: { guard: ({ context }) => context.report === null, target: 'forgotten' },
          on: { confirmed: 'forgotten', remove: {}, settle: {} },
        },
        forgotten: { entry: 'onCleared', on: { remove: {}, settle: {} } },
      },
    },
  },
});
