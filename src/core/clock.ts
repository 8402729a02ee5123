/** Time comes in by arguments, so that tests own it. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. For records, expiry and audit. */
  now(): number;
  /** Monotonic clock, milliseconds from an arbitrary start. For durations and time-outs. */
  monotonic(): number;
}

/** The machine's clocks. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
