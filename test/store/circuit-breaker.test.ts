import { describe, expect, test } from "vitest";
import { CircuitBreaker } from "../../src/store/circuit-breaker.ts";
import { type FakeClock, fakeClock } from "./fake-clock.ts";

function breakerOn(clock: FakeClock, random = 0.5): CircuitBreaker {
  return new CircuitBreaker({ clock, random: () => random, failures: 3, firstMs: 100, longestMs: 400 });
}

function fail(breaker: CircuitBreaker, times: number): void {
  for (let time = 0; time < times; time += 1) {
    expect(breaker.admits()).toBe(true);
    breaker.settled("failed");
  }
}

describe("a circuit breaker", () => {
  test("lets all through while failures do not come in a row", () => {
    const breaker = breakerOn(fakeClock());
    for (let round = 0; round < 10; round += 1) {
      fail(breaker, 2);
      breaker.settled("answered");
    }
    expect(breaker.admits()).toBe(true);
    expect(breaker.isOpen).toBe(false);
  });

  test("opens after some in a row, and tries with one call after a pause", () => {
    const clock = fakeClock();
    const breaker = breakerOn(clock);
    fail(breaker, 3);
    expect(breaker.isOpen).toBe(true);
    expect(breaker.admits()).toBe(false);
    clock.advance(99);
    expect(breaker.admits()).toBe(false);
    clock.advance(1);
    expect([breaker.admits(), breaker.admits()]).toEqual([true, false]);
    breaker.settled("answered");
    expect([breaker.admits(), breaker.admits(), breaker.isOpen]).toEqual([true, true, false]);
  });

  test("stays open for longer after each trial that fails, up to a bound, and begins anew once it was closed", () => {
    const clock = fakeClock();
    const breaker = breakerOn(clock);
    fail(breaker, 3);
    for (const pause of [100, 200, 400, 400]) {
      clock.advance(pause - 1);
      expect(breaker.admits()).toBe(false);
      clock.advance(1);
      fail(breaker, 1);
    }
    clock.advance(400);
    expect(breaker.admits()).toBe(true);
    breaker.settled("answered");
    fail(breaker, 3);
    clock.advance(100);
    expect(breaker.admits()).toBe(true);
  });

  test("is not held open by calls that were made before it opened, and closed by one that is answered", () => {
    const clock = fakeClock();
    const breaker = breakerOn(clock);
    for (let call = 0; call < 10; call += 1) expect(breaker.admits()).toBe(true);
    for (let call = 0; call < 9; call += 1) breaker.settled("failed");
    clock.advance(100);
    expect(breaker.admits()).toBe(true);
    // The tenth call was slow, not lost.
    breaker.settled("answered");
    expect(breaker.isOpen).toBe(false);
  });

  test.each([
    [0, 75],
    [1, 125],
  ])("varies its pause: by %s it is %s ms", (random, pause) => {
    const clock = fakeClock();
    const breaker = breakerOn(clock, random);
    fail(breaker, 3);
    clock.advance(pause - 1);
    expect(breaker.admits()).toBe(false);
    clock.advance(1);
    expect(breaker.admits()).toBe(true);
  });
});
