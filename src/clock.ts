/** The only place that asks the machine what time it is. Everything else takes a Clock, so tests can be the clock. */

export type Clock = {
  /** Wall clock, milliseconds since the epoch. May jump. */
  nowMs(): number;
  /** Never goes back, milliseconds from an arbitrary start. For every measured silence and deadline. */
  monotonicMs(): number;
};

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
