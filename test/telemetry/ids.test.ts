import { randomBytes } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRequestIds, traceIdOf } from "../../src/telemetry/ids.ts";

const UUID_7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe("request ids", () => {
  test("are unique UUIDs of version 7 that sort in the order they were made", () => {
    let now = 1_700_000_000_000;
    const next = createRequestIds(randomBytes, { now: () => (now += 0.01) });
    const ids = Array.from({ length: 100_000 }, next);
    expect(ids.every((id) => UUID_7.test(id))).toBe(true);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.toSorted()).toEqual(ids);
    expect(Number.parseInt((ids[0] ?? "").replace("-", "").slice(0, 12), 16)).toBe(1_700_000_000_000);
  });

  test("stay in order where the clock is set back", () => {
    const times = [2000, 2001, 1000, 1001, 2002];
    const next = createRequestIds(randomBytes, { now: () => times.shift() ?? 0 });
    const ids = Array.from({ length: 5 }, next);
    expect(ids.toSorted()).toEqual(ids);
  });

  test("two processes that start in the same millisecond give other ids", () => {
    const clock = { now: () => 1000 };
    expect(createRequestIds(randomBytes, clock)()).not.toBe(createRequestIds(randomBytes, clock)());
  });
});

describe("the trace id of a traceparent", () => {
  const trace = "0af7651916cd43dd8448eb211c80319c";
  const parent = "b7ad6b7169203331";

  test("is read from version 00 and from later versions with more parts", () => {
    expect(traceIdOf(`00-${trace}-${parent}-01`)).toBe(trace);
    expect(traceIdOf(`cc-${trace}-${parent}-01-what-the-future`)).toBe(trace);
  });

  test.each([
    "",
    `00-${trace}-${parent}`,
    `00-${trace}-${parent}-01-more`,
    `ff-${trace}-${parent}-01`,
    `00-${"0".repeat(32)}-${parent}-01`,
    `00-${trace}-${"0".repeat(16)}-01`,
    `00-${trace.toUpperCase()}-${parent}-01`,
    ` 00-${trace}-${parent}-01`,
    `00-${trace}-${parent}-01\n`,
    `cc-${trace}-${parent}-01.more`,
    `00-${trace}-${parent}-zz`,
  ])("is null for %j", (text) => {
    expect(traceIdOf(text)).toBeNull();
  });

  test("is 32 hex digits or null for any text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(traceIdOf(text) ?? trace).toMatch(/^[0-9a-f]{32}$/);
      }),
    );
  });
});
