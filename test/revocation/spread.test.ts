import { describe, expect, test } from "vitest";
import { NO_SPREAD, type Spread, SpreadScopes } from "../../src/revocation/spread.ts";

function spread(changes: Partial<Spread>): Spread {
  return { ...NO_SPREAD, ...changes };
}

describe("a report on how changes spread", () => {
  test("says so where nothing had to", async () => {
    const scopes = new SpreadScopes();
    expect(await scopes.report(1000, () => Promise.resolve("done"))).toEqual({ value: "done", spread: NO_SPREAD });
  });

  test("carries how long may be waited to those who write, and no further", async () => {
    const scopes = new SpreadScopes();
    expect(scopes.waitMs()).toBe(Infinity);
    const { value } = await scopes.report(1000, async () => {
      await Promise.resolve();
      return scopes.waitMs();
    });
    expect([value, scopes.waitMs()]).toEqual([1000, Infinity]);
  });

  test("gives those who do not want to wait a moment, so that who answers at once is not told to be out", async () => {
    const scopes = new SpreadScopes();
    const { value } = await scopes.report(0, () => Promise.resolve(scopes.waitMs()));
    expect(value).toBe(150);
  });

  test("joins the changes of one piece of work, the worst of each", async () => {
    const scopes = new SpreadScopes();
    const { spread: joined } = await scopes.report(1000, async () => {
      await Promise.resolve();
      scopes.add(spread({ instances: 3, applied: 3, ms: 5, streamsClosed: 1, lapsed: ["c"] }));
      scopes.add(
        spread({
          instances: 2,
          applied: 1,
          ms: 7,
          streamsClosed: 2,
          out: [{ instance: "b", forMs: 50 }],
          lapsed: ["c", "d"],
        }),
      );
    });
    expect(joined).toMatchObject({
      instances: 3,
      applied: 1,
      out: [{ instance: "b", forMs: 50 }],
      lapsed: ["c", "d"],
      ms: 12,
      streamsClosed: 3,
    });
  });

  test("keeps two pieces of work apart that go on at once", async () => {
    const scopes = new SpreadScopes();
    const work = (waitMs: number, ms: number) =>
      scopes.report(waitMs, async () => {
        await new Promise(setImmediate);
        scopes.add(spread({ instances: 1, applied: 1, ms }));
        await new Promise(setImmediate);
        return scopes.waitMs();
      });
    const [left, right] = await Promise.all([work(1000, 10), work(2000, 20)]);
    expect([left.value, left.spread.ms, right.value, right.spread.ms]).toEqual([1000, 10, 2000, 20]);
  });

  test("of work within work is of the inner one alone", async () => {
    const scopes = new SpreadScopes();
    const outer = await scopes.report(1000, async () => {
      const inner = await scopes.report(2000, async () => {
        await Promise.resolve();
        scopes.add(spread({ instances: 1, applied: 1, ms: 20 }));
        return scopes.waitMs();
      });
      scopes.add(spread({ instances: 1, applied: 1, ms: 10 }));
      return { inner, waitMs: scopes.waitMs() };
    });
    expect(outer.value.inner).toMatchObject({ value: 2000, spread: { ms: 20 } });
    expect(outer).toMatchObject({ value: { waitMs: 1000 }, spread: { ms: 10 } });
  });

  test("is not asked for by a change that nobody asked about", () => {
    const scopes = new SpreadScopes();
    expect(() => scopes.add(spread({ instances: 1 }))).not.toThrow();
  });
});
