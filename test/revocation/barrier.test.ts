import { describe, expect, test } from "vitest";
import { followerName, waitUntilApplied } from "../../src/revocation/barrier.ts";
import type { FollowerState } from "../../src/revocation/change-source.ts";
import { fakeClock } from "../store/fake-clock.ts";

const [a, b] = [followerName("a", "1"), followerName("b", "1")];

/** Waits for entry 5 where the register answers so, one answer a look; the last one stays. */
async function wait(limitMs: number, answers: readonly (readonly FollowerState[])[], streams = 0) {
  const clock = fakeClock();
  const slept: number[] = [];
  let looks = 0;
  const spread = await waitUntilApplied(5, limitMs, {
    clock,
    register: {
      followers: () => {
        const answer = answers[Math.min(looks, answers.length - 1)] ?? [];
        looks += 1;
        return Promise.resolve(answer);
      },
      closed: (n) => Promise.resolve(n === 5 ? streams : 0),
    },
    sleep: (ms) => {
      slept.push(ms);
      clock.advance(ms);
      return Promise.resolve();
    },
  });
  return { spread, slept, looks };
}

function at(name: string, applied: number, leftMs = 1000): FollowerState {
  return { name, applied, leftMs };
}

describe("waiting until a change is applied", () => {
  test("is over at once where nobody is registered", async () => {
    const { spread, looks } = await wait(Infinity, [[]]);
    expect(spread).toEqual({ instances: 0, applied: 0, out: [], lapsed: [], ms: 0, streamsClosed: 0 });
    expect(looks).toBe(1);
  });

  test("is over at once where all have applied it or what came later", async () => {
    const { spread } = await wait(Infinity, [[at(a, 5), at(b, 9)]], 3);
    expect(spread).toEqual({ instances: 2, applied: 2, out: [], lapsed: [], ms: 0, streamsClosed: 3 });
  });

  test("looks often at first, and every 32 ms in the end", async () => {
    const late = Array.from({ length: 8 }, () => [at(a, 4)]);
    const { spread, slept } = await wait(Infinity, [...late, [at(a, 5)]]);
    expect(slept).toEqual([1, 2, 4, 8, 16, 32, 32, 32]);
    expect(spread).toMatchObject({ instances: 1, applied: 1, ms: 127 });
  });

  test("ends when the lease of one that does not answer is over, and tells which", async () => {
    const { spread } = await wait(Infinity, [[at(a, 5), at(b, 4, 1)], [at(a, 5)]]);
    expect(spread).toMatchObject({ instances: 2, applied: 1, out: [], lapsed: ["b"] });
  });

  test("counts one that applied it and left as one that applied it", async () => {
    const { spread } = await wait(Infinity, [[at(a, 5), at(b, 4)], [at(b, 4)], [at(b, 5)]]);
    expect(spread).toMatchObject({ instances: 2, applied: 2, out: [], lapsed: [] });
  });

  test("ends at its limit, and tells who is out and for how long", async () => {
    const { spread } = await wait(20, [[at(a, 5), at(b, 4, 700)]]);
    expect(spread).toMatchObject({
      instances: 2,
      applied: 1,
      out: [{ instance: "b", forMs: 700 }],
      lapsed: [],
      ms: 20,
    });
  });

  test("does not wait where it must not, and tells who is out", async () => {
    const { spread, slept } = await wait(0, [[at(a, 4, 900)]]);
    expect(slept).toEqual([]);
    expect(spread).toMatchObject({ instances: 1, applied: 0, out: [{ instance: "a", forMs: 900 }] });
  });

  test("counts one that comes meanwhile", async () => {
    const { spread } = await wait(Infinity, [[at(a, 4)], [at(a, 4), at(b, 5)], [at(a, 5), at(b, 5)]]);
    expect(spread).toMatchObject({ instances: 2, applied: 2 });
  });

  test("fails where the store does not tell, so that the call is repeated", async () => {
    const failure = new Error("down");
    const waiting = waitUntilApplied(5, Infinity, {
      clock: fakeClock(),
      register: { followers: () => Promise.reject(failure), closed: () => Promise.resolve(0) },
      sleep: () => Promise.resolve(),
    });
    await expect(waiting).rejects.toBe(failure);
  });
});
