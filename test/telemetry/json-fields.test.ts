import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jsonFields } from "../../src/telemetry/json-fields.ts";

describe("fields of a change as JSON", () => {
  test("have their names in order at every depth, so that equal fields give equal text", () => {
    const text = jsonFields({ b: 1, a: { d: [true, null], c: "x" } }, 2048);
    expect(text).toBe('{"a":{"c":"x","d":[true,null]},"b":1}');
    expect(jsonFields({ a: { c: "x", d: [true, null] }, b: 1 }, 2048)).toBe(text);
  });

  test("leave out what is undefined, and say null for what JSON does not have", () => {
    const date = new Date(0);
    expect(jsonFields({ u: undefined, n: Number.NaN, f: () => 1, big: 1n, date, bad: new Date(NaN) }, 2048)).toBe(
      '{"bad":null,"big":null,"date":"1970-01-01T00:00:00.000Z","f":null,"n":null}',
    );
  });

  test("are redacted, and plain ASCII", () => {
    const text = jsonFields({ "ü\n": `noice_sk_live_${"a".repeat(30)} noice_admin_${"b".repeat(43)}` }, 2048);
    expect(text).toBe('{"\\u00fc\\n":"noice_sk_live_[redacted] noice_admin_[redacted]"}');
  });

  test("that have no room are counted, and a list that has none ends in a mark", () => {
    const many = Object.fromEntries(
      Array.from({ length: 50 }, (_, n) => [`f${String(n).padStart(2, "0")}`, "x".repeat(90)]),
    );
    const cut: Record<string, unknown> = JSON.parse(jsonFields(many, 2048));
    expect(Object.keys(cut).length - 1 + Number(cut["…"])).toBe(50);
    expect(cut["f00"]).toBe("x".repeat(90));
    const list: { scopes: string[] } = JSON.parse(
      jsonFields({ scopes: Array.from({ length: 500 }, () => "a:b") }, 2048),
    );
    expect(list.scopes.at(-1)).toBe("…");
    expect(list.scopes.length).toBeGreaterThan(200);
  });

  test("are JSON within the bound, whatever they are", () => {
    const anything = fc.dictionary(fc.string({ unit: "binary" }), fc.anything({ withDate: true, withBigInt: true }));
    fc.assert(
      fc.property(anything, fc.integer({ min: 64, max: 2048 }), (fields, bound) => {
        const text = jsonFields(fields, bound);
        expect(text.length).toBeLessThanOrEqual(bound);
        expect(text).toMatch(/^[\x20-\x7e]*$/);
        const read: unknown = JSON.parse(text);
        expect(Array.isArray(read)).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });

  test("that hold themselves end", () => {
    const loop: Record<string, unknown> = { name: "x" };
    loop["self"] = loop;
    expect(jsonFields(loop, 2048)).toContain("\\u2026");
  });
});
