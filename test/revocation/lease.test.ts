import { describe, expect, test } from "vitest";
import { Lease } from "../../src/revocation/lease.ts";

/** Both clocks, each moved by itself. */
function clocks() {
  const moved = { wall: 1_700_000_000_000, monotonic: 0 };
  const clock = { now: () => moved.wall, monotonic: () => moved.monotonic };
  const pass = (ms: number): void => {
    moved.wall += ms;
    moved.monotonic += ms;
  };
  return { clock, moved, pass };
}

describe("a lease", () => {
  test("does not hold before it is granted", () => {
    const { clock } = clocks();
    const lease = new Lease(clock, 1000);
    expect([lease.holds(), lease.leftMs()]).toEqual([false, 0]);
  });

  test("is counted from before the renewal was sent", () => {
    const { clock, pass } = clocks();
    const lease = new Lease(clock, 1000);
    const sent = lease.moment();
    pass(400);
    lease.renewed(sent);
    expect([lease.holds(), lease.leftMs()]).toEqual([true, 600]);
    pass(599);
    expect(lease.holds()).toBe(true);
    pass(1);
    expect([lease.holds(), lease.leftMs()]).toEqual([false, 0]);
  });

  test("whose grant took longer than it lasts never holds", () => {
    const { clock, pass } = clocks();
    const lease = new Lease(clock, 1000);
    const sent = lease.moment();
    pass(1000);
    lease.renewed(sent);
    expect(lease.holds()).toBe(false);
  });

  test("is over after a suspension, in which only the wall clock goes on", () => {
    const { clock, moved } = clocks();
    const lease = new Lease(clock, 1000);
    lease.renewed(lease.moment());
    moved.wall += 1000;
    expect([lease.holds(), lease.leftMs()]).toEqual([false, 0]);
  });

  test("is no longer where the wall clock is set back", () => {
    const { clock, moved } = clocks();
    const lease = new Lease(clock, 1000);
    lease.renewed(lease.moment());
    moved.wall -= 3_600_000;
    moved.monotonic += 999;
    expect([lease.holds(), lease.leftMs()]).toEqual([true, 1]);
    moved.monotonic += 1;
    expect(lease.holds()).toBe(false);
  });

  test("ends at once where it is given up, and may be granted anew", () => {
    const { clock } = clocks();
    const lease = new Lease(clock, 1000);
    lease.renewed(lease.moment());
    lease.end();
    expect([lease.holds(), lease.leftMs()]).toEqual([false, 0]);
    lease.renewed(lease.moment());
    expect(lease.holds()).toBe(true);
  });
});
