import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import { holdAnswer, isReplay } from "../../src/oauth/redemption.ts";

const about = { requestId: "r", clientIp: "192.0.2.1" };

describe("who presents a code that is used up", () => {
  it("raced where the answer cannot have been out when it came", () => {
    expect(isReplay(1000, { arrivedAt: 990 })).toBe(false);
    expect(isReplay(1000, { arrivedAt: 1000 })).toBe(false);
    expect(isReplay(1000, { arrivedAt: 1099 })).toBe(false);
  });

  it("replays it after that, and where nobody knows when it came", () => {
    expect(isReplay(1000, { arrivedAt: 1100 })).toBe(true);
    expect(isReplay(1000, undefined)).toBe(true);
  });

  it("is never taken for a race by the time that the winner has its answer", async () => {
    const redeemedAt = Date.now();
    await holdAnswer({ about, arrivedAt: redeemedAt, redeemedAt }, systemClock);
    expect(isReplay(redeemedAt, { arrivedAt: Date.now() })).toBe(true);
  });

  it("waits for nothing where nothing was used up", async () => {
    const before = performance.now();
    await holdAnswer({ about, arrivedAt: Date.now(), redeemedAt: null }, systemClock);
    expect(performance.now() - before).toBeLessThan(90);
  });
});
