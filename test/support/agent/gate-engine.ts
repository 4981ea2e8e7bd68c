/** An engine with one operation that waits until a test lets it happen. */

import type { Engine } from '../../../src/agent/engine/engine.ts';

export type Gate = {
  /** The engine with this one operation held. */
  engine: Engine;
  /** How many calls of it wait or waited. */
  reached(): number;
  open(): void;
};

/** Holds an operation of an engine before it happens, until opened. */
export function gateEngine(engine: Engine, operation: 'create' | 'start' | 'pull' | 'remove'): Gate {
  const opened = Promise.withResolvers<void>();
  let count = 0;
  const held = async (...args: unknown[]) => {
    count += 1;
    await opened.promise;
    return (engine[operation] as (...args: unknown[]) => Promise<unknown>)(...args);
  };
  return { engine: { ...engine, [operation]: held }, reached: () => count, open: () => opened.resolve() };
}
