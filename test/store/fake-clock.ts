import type { Clock } from "../../src/core/clock.ts";

export interface FakeClock extends Clock {
  /** Moves both clocks. */
  advance(milliseconds: number): void;
}

/** A clock that stands still until it is moved. */
export function fakeClock(start = 1_700_000_000_000): FakeClock {
  let passed = 0;
  return {
    now: () => start + passed,
    monotonic: () => 5000 + passed,
    advance(milliseconds) {
      passed += milliseconds;
    },
  };
}
